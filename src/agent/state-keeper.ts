import type { Table } from '../nft/objects.js';
import { tableText } from '../nft/print.js';
import type { Log } from '../observe/log.js';
import type { Admission } from './admission.js';
import { saveCommittedRuleset } from './committed-ruleset.js';
import type { JournalEntry, ObjectJournal } from './object-journal.js';

/** What the agent keeps on disk, behind its back: a full disk is told and stops nothing. */
export interface StateKeeper {
  /** Objects that were in force when the agent ended. */
  load(): Promise<readonly JournalEntry[]>;
  /** Notes what is in force now. */
  committed(table: Table, admitted: Admission): void;
  /** Resolves when everything is on disk. */
  close(): Promise<void>;
}

/** How long the ruleset may wait for more changes before it is written, and how many times as long as it took the last time. */
const SAVE_DELAY_MS = 200;
const PAUSE_PER_SAVE = 5;

export function stateKeeper(directory: string, journal: ObjectJournal, log: Log): StateKeeper {
  let compacted = false;
  let pending: Table | undefined;
  let timer: NodeJS.Timeout | undefined;
  let delay = SAVE_DELAY_MS;
  let saving: Promise<void> = Promise.resolve();

  const save = (): void => {
    const table = pending;
    clearTimeout(timer);
    timer = undefined;
    pending = undefined;
    if (table) saving = saving.then(() => saveRuleset(table));
  };

  const saveRuleset = async (table: Table): Promise<void> => {
    const begin = performance.now();
    const problem = await saveCommittedRuleset(directory, { [Symbol.iterator]: () => tableText(table) });
    delay = Math.max(SAVE_DELAY_MS, PAUSE_PER_SAVE * (performance.now() - begin));
    if (problem) log.error({ problem }, 'the ruleset in force could not be saved');
  };

  const note = async (admitted: Admission): Promise<void> => {
    const changes = admitted.committed();
    const problem =
      compacted && !journal.needsCompaction()
        ? await journal.append(changes)
        : await journal.compact(admitted.journalEntries());
    compacted = true;
    if (problem)
      log.error({ problem }, 'the state directory can not be written; a restart may lose last valid versions');
  };

  return {
    async load() {
      const { entries, problems } = await journal.load();
      for (const problem of problems) log.warn({ problem }, 'the journal of valid objects is damaged');
      return entries;
    },
    committed(table, admitted) {
      saving = Promise.all([saving, note(admitted)]).then(() => undefined);
      pending = table;
      timer ??= setTimeout(save, delay);
    },
    async close() {
      save();
      await saving;
    },
  };
}
