import type { Change } from './change.js';
import { describeTable } from './content.js';
import { canBeChanged, diff } from './diff.js';
import { type Driver, NftError, type ReadOptions, type TableContent } from './driver.js';
import { fairShare } from './fair-share.js';
import { listedDifferently } from './listed-differently.js';
import { detour, loadTransactions, MOST_ELEMENTS, setsToLoad, withSets } from './load-ahead.js';
import type { Table } from './objects.js';
import { printTransaction } from './print.js';
import { differences } from './table-differences.js';

export interface SyncResult {
  /** How many steps the transaction had; 0 if there was nothing to do and nothing was written. */
  readonly changes: number;
  /** What was read from the kernel before and was not as desired, such as `chain forward`; empty if nothing was read. */
  readonly repaired: readonly string[];
}

/** Our table in the kernel, and what is known about it. Calls may overlap: each begins when the one before has ended. */
export interface KernelTable {
  /** What the kernel holds as far as is known; undefined if it has to be read or there is no table. */
  readonly content: TableContent | undefined;
  /** Makes the table if there is none of its name, without reading it. */
  create(desired: Table): Promise<void>;
  /**
   * Makes the kernel's table equal to the desired one, or leaves it alone: in one transaction, but for what `load-ahead.ts`
   * says. Throws NftError; then nothing is known about the kernel, and the next call reads it first.
   */
  sync(desired: Table): Promise<SyncResult>;
  /** Reads the table and tells what is not as desired, without changing anything; the next `sync` repairs it. */
  audit(desired: Table): Promise<readonly string[]>;
  /**
   * The same beside all other calls, for which it gives way: compares with what is known. It is no reason to wait for it.
   */
  check(signal: AbortSignal): Promise<readonly string[]>;
  /** Somebody else may have changed the table: the next `sync` reads it first. */
  forget(): void;
}

/** How often a check gives way. */
const TRIES = 4;

export interface KernelTableOptions {
  /** Told once for each object that this version of nft lists in another way than it was written. */
  readonly onListedDifferently?: (object: string) => void;
  /** How many elements of sets a transaction may have: 20 000 by default. */
  readonly mostElements?: number;
}

export function kernelTable(
  driver: Driver,
  name: string,
  { onListedDifferently, mostElements: most = MOST_ELEMENTS }: KernelTableOptions = {},
): KernelTable {
  let known: { readonly content: TableContent | undefined; readonly wasRead: boolean } | undefined;
  let forgotten = 0;
  let commits = 0;
  let checking: AbortController | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const accepted = listedDifferently(onListedDifferently);

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };

  /** Remembers the content unless somebody changed the table since `begin`. */
  const remember = (content: TableContent | undefined, begin: number, wasRead = false) => {
    known = begin === forgotten ? { content, wasRead } : undefined;
  };

  const read = async (expected: TableContent, signal?: AbortSignal) => {
    const content = await readOrNothing(driver, name, { expected, signal });
    return content && content !== UNREADABLE ? accepted.apply(content, expected) : content;
  };

  const commit = async (changes: readonly Change[]): Promise<number> => {
    if (changes.length === 0) return 0;
    checking?.abort();
    commits++;
    known = undefined;
    await driver.apply(printTransaction(changes));
    return changes.length;
  };

  /** Resolves to the number of changes. */
  const bring = async (actual: TableContent | undefined, desired: Table, content: TableContent): Promise<number> => {
    let count = 0;
    let there = actual;
    if (!there && setsToLoad(NOTHING, desired, most).length > 0) {
      const empty: Table = { name, chains: [], sets: [], maps: [] };
      count += await commit([{ table: name, op: 'replace', object: 'table', content: empty }]);
      there = NOTHING;
    }
    if (there && canBeChanged(there, content)) {
      const sets = setsToLoad(there, desired, most);
      const share = fairShare();
      for (const changes of loadTransactions(name, sets, most)) {
        count += await commit(changes);
        await share();
      }
      there = withSets(there, sets, content);
    }
    const changes = diff(there, desired, content);
    const first = detour(desired, changes, most);
    if (!first) return count + (await commit(changes));
    const firstContent = describeTable(first);
    return count + (await bring(there, first, firstContent)) + (await bring(firstContent, desired, content));
  };

  const sync = async (desired: Table): Promise<SyncResult> => {
    const begin = forgotten;
    const content = describeTable(desired);
    const wasRead = known?.wasRead ?? true;
    const actual = known ? known.content : await read(content);
    const changes = await bring(actual, desired, content);
    remember(content, begin);
    if (changes === 0) return { changes, repaired: [] };
    const repaired = wasRead && actual && actual !== UNREADABLE ? differences(actual, content) : [];
    const doubtful = actual ? repaired.filter((object) => isAlike(object, actual, content)) : [];
    if (doubtful.length > 0) await verify(content, doubtful, begin);
    return { changes, repaired };
  };

  /** What still reads back different right after it was written, with nobody else near, is a matter of nft's version. */
  const verify = async (desired: TableContent, repaired: readonly string[], begin: number) => {
    const content = await readOrNothing(driver, name, { expected: desired });
    if (content && content !== UNREADABLE && begin === forgotten) accepted.learn(content, desired, repaired);
  };

  /** What is not as known; undefined if something was written meanwhile. */
  const glance = async (signal: AbortSignal): Promise<readonly string[] | undefined> => {
    const [begin, committed] = [forgotten, commits];
    const content = known?.content;
    if (!content) return [];
    const stop = new AbortController();
    checking = stop;
    try {
      const actual = await read(content, AbortSignal.any([signal, stop.signal]));
      if (begin !== forgotten || committed !== commits) return undefined;
      const found = missing(actual, content);
      if (found.length > 0) remember(actual, begin, true);
      return found;
    } catch (error) {
      if (signal.aborted || stop.signal.aborted) return undefined;
      throw error;
    } finally {
      if (checking === stop) checking = undefined;
    }
  };

  const missing = (actual: TableContent | undefined, desired: TableContent): readonly string[] =>
    actual && actual !== UNREADABLE ? differences(actual, desired) : [`table ${name}`];

  return {
    get content() {
      return known?.content;
    },
    create: (desired) =>
      inTurn(async () => {
        const begin = forgotten;
        if (await driver.has(name)) return;
        remember(undefined, begin);
        await sync(desired);
      }),
    sync: (desired) => inTurn(() => sync(desired)),
    audit: (desired) =>
      inTurn(async () => {
        const begin = forgotten;
        const content = describeTable(desired);
        const actual = await read(content);
        remember(actual, begin, true);
        return missing(actual, content);
      }),
    async check(signal) {
      // After some tries the others wait for once.
      for (let tries = 1; tries < TRIES && !signal.aborted; tries++) {
        await last;
        const found = await glance(signal);
        if (found) return found;
      }
      return inTurn(async () => (signal.aborted ? [] : ((await glance(signal)) ?? [])));
    },
    forget() {
      checking?.abort();
      forgotten++;
      known = undefined;
      accepted.clear();
    },
  };
}

/** Whether it may be the same in both, told in other words; to read a large table for nothing takes long. */
function isAlike(object: string, actual: TableContent, desired: TableContent): boolean {
  const [kind, name = ''] = object.split(' ');
  const [chain, set] = [actual.chains.get(name), actual.sets.get(name)];
  return kind === 'chain'
    ? chain !== undefined && chain.rules.length === desired.chains.get(name)?.rules.length
    : set !== undefined && set.elements.size === desired.sets.get(name)?.elements.size;
}

const NOTHING: TableContent = { chains: new Map(), sets: new Map(), others: [], flagged: false };

/** What can't be read has to be replaced as a whole, whatever is in it: somebody put something odd into our table. */
const UNREADABLE: TableContent = { ...NOTHING, flagged: true };

async function readOrNothing(driver: Driver, name: string, options: ReadOptions): Promise<TableContent | undefined> {
  try {
    return await driver.read(name, options);
  } catch (error) {
    if (error instanceof NftError && error.code === 'unreadable') return UNREADABLE;
    throw error;
  }
}
