import type { Table } from '../nft/objects.js';
import { tableText } from '../nft/print.js';
import type { Log } from '../observe/log.js';
import type { Admission } from './admission.js';
import { type SaveProblem, saveCommittedRuleset } from './committed-ruleset.js';
import type { ObjectJournal, RestoredEntry } from './object-journal.js';

/** What the agent keeps on disk, behind its back: a full disk is told and stops nothing. */
export interface StateKeeper {
  /** Objects that were in force when the agent ended. */
  load(): Promise<readonly RestoredEntry[]>;
  /** Notes what is in force now. */
  committed(table: Table, admitted: Admission): void;
  /** What can't be written at the moment; it is tried again. Null if all is on disk, or on its way. */
  problem(): string | null;
  /** Resolves when everything is on disk. */
  close(): Promise<void>;
}

/** How long the ruleset may wait for more changes before it is written, and how many times as long as it took the last time. */
const SAVE_DELAY_MS = 200;
const RETRY_MS = 5000;
const PAUSE_PER_SAVE = 5;

const TOLD = {
  journal: 'the state directory can not be written; a restart may lose last valid versions',
  ruleset: 'the ruleset in force could not be saved; the next boot loads an older one',
} as const;

export function stateKeeper(directory: string, journal: ObjectJournal, log: Log, retryMs = RETRY_MS): StateKeeper {
  const problems = new Map<keyof typeof TOLD, SaveProblem>();
  let compacted = false;
  let last: { readonly table: Table; readonly admitted: Admission } | undefined;
  let pending: Table | undefined;
  let timer: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
  let delay = SAVE_DELAY_MS;
  let saving: Promise<void> = Promise.resolve();

  /** A problem is told once, and so is its end. */
  const tell = (of: keyof typeof TOLD, problem: SaveProblem | undefined): void => {
    const before = problems.get(of);
    if (problem === undefined) {
      if (problems.delete(of) && problems.size === 0) log.info('the state directory can be written again');
      return;
    }
    problems.set(of, problem);
    if (before?.message !== problem.message) log.error({ problem }, TOLD[of]);
    retry ??= setTimeout(again, retryMs).unref();
  };

  const again = (): void => {
    retry = undefined;
    if (last === undefined) return;
    const { table, admitted } = last;
    if (problems.has('ruleset')) later(() => saveRuleset(table));
    if (problems.has('journal')) later(async () => tell('journal', await journal.compact(admitted.journalEntries())));
  };

  const later = (work: () => Promise<void>): void => {
    saving = saving.then(work);
  };

  const save = (): void => {
    const table = pending;
    clearTimeout(timer);
    timer = undefined;
    pending = undefined;
    if (table) later(() => saveRuleset(table));
  };

  const saveRuleset = async (table: Table): Promise<void> => {
    const begin = performance.now();
    tell('ruleset', await saveCommittedRuleset(directory, { [Symbol.iterator]: () => tableText(table) }));
    delay = Math.max(SAVE_DELAY_MS, PAUSE_PER_SAVE * (performance.now() - begin));
  };

  const note = async (admitted: Admission): Promise<void> => {
    const changes = admitted.committed();
    const problem =
      compacted && !journal.needsCompaction()
        ? await journal.append(changes)
        : await journal.compact(admitted.journalEntries());
    compacted = true;
    tell('journal', problem);
  };

  return {
    async load() {
      const { entries, problems: damages } = await journal.load();
      for (const problem of damages) log.warn({ problem }, 'the journal of valid objects is damaged');
      return entries;
    },
    committed(table, admitted) {
      last = { table, admitted };
      saving = Promise.all([saving, note(admitted)]).then(() => undefined);
      pending = table;
      timer ??= setTimeout(save, delay);
    },
    problem: () => [...problems.values()][0]?.message ?? null,
    async close() {
      clearTimeout(retry);
      save();
      await saving;
      clearTimeout(retry);
    },
  };
}
