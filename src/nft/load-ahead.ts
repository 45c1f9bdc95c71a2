import type { Change } from './change.js';
import type { SetContent, TableContent } from './driver.js';
import type { Chain, NamedSet, Statement, Table, Value } from './objects.js';

/**
 * What is too much for one transaction: nft takes 400 bytes of memory for each element of it. Elements go ahead in several ones,
 * into sets that nothing refers to yet, and the last transaction makes the rules look there. So a packet sees the old rules with
 * the old elements, or the new ones with the new, as ever.
 */

/** Elements of one transaction. */
export const MOST_ELEMENTS = 20_000;

/** The sets that are not there yet, if their elements are too many. Intervals are not split: nft reads all of them for each part. */
export function setsToLoad(actual: TableContent, desired: Table, most: number): readonly NamedSet[] {
  const missing = desired.sets.filter(({ name, interval }) => !interval && !actual.sets.has(name));
  return sum(missing.map(({ elements }) => elements.length)) > most ? missing : [];
}

/** Transactions that make the sets and fill them. */
export function* loadTransactions(
  table: string,
  sets: readonly NamedSet[],
  most: number,
): Generator<readonly Change[]> {
  let changes: Change[] = [];
  let room = most;
  for (const set of sets) {
    changes.push({ table, op: 'add', object: 'set', set });
    let elements: Value[] = [];
    const { name, type } = set;
    const fill = (): void => {
      if (elements.length > 0) changes.push({ table, op: 'add', object: 'setElement', name, type, elements });
      elements = [];
    };
    for (const element of set.elements) {
      elements.push(element);
      if (--room > 0) continue;
      fill();
      yield changes;
      changes = [];
      room = most;
    }
    fill();
  }
  if (changes.length > 0) yield changes;
}

/** What the table holds when the sets are filled. */
export function withSets(actual: TableContent, sets: readonly NamedSet[], desired: TableContent): TableContent {
  const filled = sets.flatMap(({ name }): [string, SetContent][] => {
    const content = desired.sets.get(name);
    return content ? [[name, content]] : [];
  });
  return { ...actual, sets: new Map([...actual.sets, ...filled]) };
}

/**
 * If too many elements change in sets that are there: the desired table, but with other sets in place of those with the most
 * changes. It comes first, since rules may refer to several of the sets, and to some by negation.
 */
export function detour(desired: Table, changes: readonly Change[], most: number): Table | undefined {
  const made = new Set(changes.flatMap((each) => (each.object === 'set' && each.op === 'add' ? [each.set.name] : [])));
  const there = new Set(
    desired.sets.filter(({ name, interval }) => !interval && !made.has(name)).map(({ name }) => name),
  );
  const counts = new Map<string, number>();
  for (const change of changes) {
    if ((change.object !== 'setElement' && change.object !== 'element') || !there.has(change.name)) continue;
    counts.set(change.name, (counts.get(change.name) ?? 0) + change.elements.length);
  }
  const byCount = [...counts.keys()].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
  const names = new Map<string, string>();
  for (const name of byCount) {
    if (sum(counts.values()) <= most) break;
    names.set(name, `${name}${SUFFIX}`);
    counts.delete(name);
  }
  return names.size === 0 ? undefined : renamed(desired, names);
}

const SUFFIX = '-next';

function sum(counts: Iterable<number>): number {
  let all = 0;
  for (const count of counts) all += count;
  return all;
}

function renamed(table: Table, names: ReadonlyMap<string, string>): Table {
  const statement = (each: Statement): Statement => {
    if (each.kind !== 'match' || typeof each.right !== 'object' || !('set' in each.right)) return each;
    const name = names.get(each.right.set);
    return name === undefined ? each : { ...each, right: { set: name } };
  };
  const isConcerned = ({ rules }: Chain) =>
    rules.some(({ statements }) => statements.some((each) => statement(each) !== each));
  const chain = (each: Chain): Chain => {
    if (!isConcerned(each)) return each;
    return { ...each, rules: each.rules.map((rule) => ({ ...rule, statements: rule.statements.map(statement) })) };
  };
  return {
    ...table,
    chains: table.chains.map(chain),
    sets: table.sets.map((set) => ({ ...set, name: names.get(set.name) ?? set.name })),
  };
}
