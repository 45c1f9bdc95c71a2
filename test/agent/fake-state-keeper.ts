import type { JournalChange, JournalEntry } from '../../src/agent/object-journal.js';
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
    load: async () => [...journal.values()],
    committed(table, admitted) {
      saved = table;
      admitted.committed().forEach(note);
    },
    problem: () => null,
    close: async () => undefined,
  };
}
