import { describeTable } from './content.js';
import { diff } from './diff.js';
import { type Driver, NftError, type TableContent } from './driver.js';
import { listedDifferently } from './listed-differently.js';
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
  /**
   * Makes the kernel's table equal to the desired one, in one transaction, or leaves it alone. Throws NftError; then nothing
   * is known about the kernel, and the next call reads it first.
   */
  sync(desired: Table): Promise<SyncResult>;
  /** Reads the table and tells what is not as desired, without changing anything; the next `sync` repairs it. */
  audit(desired: Table): Promise<readonly string[]>;
  /** Somebody else may have changed the table: the next `sync` reads it first. */
  forget(): void;
}

export interface KernelTableOptions {
  /** Told once for each object that this version of nft lists in another way than it was written. */
  readonly onListedDifferently?: (object: string) => void;
}

export function kernelTable(
  driver: Driver,
  name: string,
  { onListedDifferently }: KernelTableOptions = {},
): KernelTable {
  let known: { readonly content: TableContent | undefined; readonly wasRead: boolean } | undefined;
  let forgotten = 0;
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

  const read = async (desired: TableContent) => {
    const content = await readOrNothing(driver, name);
    return content && accepted.apply(content, desired);
  };

  const sync = async (desired: Table): Promise<SyncResult> => {
    const begin = forgotten;
    const content = describeTable(desired);
    const wasRead = known?.wasRead ?? true;
    const actual = known ? known.content : await read(content);
    const changes = diff(actual, desired, content);
    if (changes.length === 0) {
      remember(content, begin);
      return { changes: 0, repaired: [] };
    }
    known = undefined;
    await driver.apply(printTransaction(changes));
    remember(content, begin);
    const repaired = wasRead && actual ? differences(actual, content) : [];
    const doubtful = actual ? repaired.filter((object) => isAlike(object, actual, content)) : [];
    if (doubtful.length > 0) await verify(content, doubtful, begin);
    return { changes: changes.length, repaired };
  };

  /** What still reads back different right after it was written, with nobody else near, is a matter of nft's version. */
  const verify = async (desired: TableContent, repaired: readonly string[], begin: number) => {
    const content = await readOrNothing(driver, name);
    if (content && begin === forgotten) accepted.learn(content, desired, repaired);
  };

  return {
    get content() {
      return known?.content;
    },
    sync: (desired) => inTurn(() => sync(desired)),
    audit: (desired) =>
      inTurn(async () => {
        const begin = forgotten;
        const content = describeTable(desired);
        const actual = await read(content);
        remember(actual, begin, true);
        return actual ? differences(actual, content) : [`table ${name}`];
      }),
    forget() {
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

/** What can't be read has to be replaced as a whole, as if there were nothing: somebody put something odd into our table. */
async function readOrNothing(driver: Driver, name: string): Promise<TableContent | undefined> {
  try {
    return await driver.read(name);
  } catch (error) {
    if (error instanceof NftError && error.code === 'unreadable') return undefined;
    throw error;
  }
}
