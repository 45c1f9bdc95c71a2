import type { JournalChange, JournalEntry, RestoredEntry } from '../../src/agent/object-journal.js';
import type { StateKeeper } from '../../src/agent/state-keeper.js';
import type { Table } from '../../src/nft/objects.js';
import { keyText } from '../../src/resources/resource.js';

/** A state keeper without a disk, which survives the agent. */
export interface FakeStateKeeper extends StateKeeper {
  readonly journal: ReadonlyMap<string, JournalEntry>;
  readonly saved: Table | undefined;
}

export function fakeStateKeeper(): FakeStateKeeper {
  const journal = new Map<string, JournalEntry>();
  let saved: Table | undefined;
  const note = (change: JournalChange) => {
    if ('put' in change) journal.set(keyText(change.put.key), change.put);
    else journal.delete(keyText(change.drop));
  };
  return {
    journal,
    get saved() {
      return saved;
    },
    load: async () => Array.from(journal.values(), (entry) => restored(entry)),
    committed(table, admitted) {
      saved = table;
      admitted.committed().forEach(note);
    },
    problem: () => null,
    close: async () => undefined,
  };
}

/** As a journal gives it back; `valid`: to this version of the program. */
export function restored({ key, origin, resource }: JournalEntry, valid = true): RestoredEntry {
  return { key, origin, written: structuredClone(resource), revived: () => (valid ? resource : undefined) };
}
