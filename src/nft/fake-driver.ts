import { describeTable } from './content.js';
import { type Driver, type ForeignChange, NftError, type Script, type TableContent } from './driver.js';
import { changedTable, Refusal } from './fake-table.js';
import type { Table } from './objects.js';

export interface FakeDriver extends Driver {
  /** What the "kernel" holds now. */
  content(): TableContent | undefined;
  table(): Table | undefined;
  /** All scripts that were applied or refused, checks not included. */
  readonly scripts: readonly Script[];
  /** Somebody else changes the table; those who watch it are told. */
  tamper(edit: (table: Table | undefined) => Table | undefined): void;
  /** Events were lost. */
  lose(): void;
}

export interface FakeDriverOptions {
  readonly table?: Table;
  /** The error to refuse a script with, for scripts that shall fail. */
  readonly refuse?: (script: Script) => NftError | undefined;
}

/**
 * A driver without a kernel, which keeps the table in memory and refuses what the kernel refuses: references to what is not
 * there, deletion of what is referred to, elements that are not there or conflict, loops. All or nothing.
 */
export function fakeDriver({ table: initial, refuse }: FakeDriverOptions = {}): FakeDriver {
  let table = initial;
  const scripts: Script[] = [];
  const listeners = new Set<(change: ForeignChange) => void>();
  const tell = (change: ForeignChange) => {
    for (const listener of listeners) listener(change);
  };
  const tried = (script: Script) => {
    const refusal = refuse?.(script);
    if (refusal) throw refusal;
    return changedOrRefused(table, script);
  };
  const content = () => table && describeTable(table);
  return {
    name: 'fake',
    content,
    table: () => table,
    scripts,
    usable: async () => undefined,
    async apply(script) {
      scripts.push(script);
      table = tried(script);
    },
    async check(script) {
      tried(script);
    },
    has: async (name) => table?.name === name,
    read: async (name) => (table?.name === name ? content() : undefined),
    watch(_table, listener) {
      listeners.add(listener);
      return { stop: async () => void listeners.delete(listener) };
    },
    tamper(edit) {
      table = edit(table);
      tell({ kind: 'changed', process: { pid: 1, name: 'tamper' } });
    },
    lose: () => tell({ kind: 'lost' }),
    close: async () => undefined,
  };
}

function changedOrRefused(table: Table | undefined, script: Script): Table | undefined {
  try {
    return changedTable(table, script.changes);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new NftError('refused', `nft refused the transaction: ${error.message}`, undefined, undefined, {
      cause: error,
    });
  }
}
