import type { Change, MapElement } from './change.js';
import type { ElementTexts, SetContent, TableContent } from './driver.js';
import type { Chain, NamedSet, Statement, Table, Value, VerdictMap } from './objects.js';
import type { OtherObject } from './other-objects.js';
import { isNftName } from './safe-text.js';
import { sameChain } from './table-differences.js';

/**
 * What to do to a table that holds `actual` so that it holds `desired`, in an order that the kernel accepts; `desiredContent` is
 * `describeTable(desired)`. Invariants:
 * - It is pure. Equal contents give no changes; applied as one transaction, the changes give exactly `desired`.
 * - Only what differs is touched: sets and maps by element, chains as a whole (flushed, then all rules). A chain or set whose
 *   header differs is deleted and made again, since the kernel can't change one; what refers to it is taken away before and
 *   put back after, so a chain with equal rules is rewritten only if it refers to such an object.
 * - Nothing is deleted while something refers to it, nothing is referred to before it is there.
 * - Objects in the table that are not desired go, whoever made them. Where one has a name that nft can't be told, or where the
 *   table has flags (dormant), and where there is no table, the whole table is replaced instead.
 */
export function diff(
  actual: TableContent | undefined,
  desired: Table,
  desiredContent: TableContent,
): readonly Change[] {
  if (!actual || !canBeChanged(actual, desiredContent)) {
    return [{ table: desired.name, op: 'replace', object: 'table', content: desired }];
  }
  const plan = planOf(actual, desired, desiredContent);
  return [
    ...removeReferences(plan),
    ...deleteObjects(plan),
    ...addObjects(plan),
    ...changeSetElements(plan),
    ...addRules(plan),
    ...addMapElements(plan),
  ];
}

/** Or has it to be replaced as a whole? What is desired has names that can be written. */
export function canBeChanged(actual: TableContent, desired: TableContent): boolean {
  if (actual.flagged) return false;
  const foreign = (names: ReadonlyMap<string, unknown>, own: ReadonlyMap<string, unknown>) =>
    names === own ? [] : [...names.keys()].filter((name) => !own.has(name));
  const chains = foreign(actual.chains, desired.chains);
  const sets = foreign(actual.sets, desired.sets);
  return [...chains, ...sets, ...actual.others.map(({ name }) => name)].every(isNftName);
}

/** Names of objects, by what happens to them. Replaced objects are both gone and made. */
interface Plan {
  readonly table: string;
  readonly goneChains: ReadonlySet<string>;
  readonly goneSets: ReadonlyMap<string, SetContent['kind']>;
  readonly others: readonly OtherObject[];
  readonly madeChains: readonly Chain[];
  readonly madeSets: readonly NamedSet[];
  readonly madeMaps: readonly VerdictMap[];
  /** Chains that stay but lose their rules. */
  readonly flushedChains: readonly string[];
  /** Chains that get all their rules, made or flushed before. */
  readonly filledChains: readonly Chain[];
  readonly sets: readonly ElementPlan<NamedSet, Value>[];
  readonly maps: readonly ElementPlan<VerdictMap, MapElement>[];
}

interface ElementPlan<S, E> {
  readonly set: S;
  readonly removed: readonly Value[];
  readonly added: readonly E[];
}

function planOf(actual: TableContent, desired: Table, content: TableContent): Plan {
  const sameChains = actual.chains === content.chains;
  const goneChains = new Set(
    (sameChains ? [] : [...actual.chains])
      .filter(([name, { header }]) => content.chains.get(name)?.header !== header)
      .map(([name]) => name),
  );
  const goneSets = new Map(
    [...actual.sets]
      .filter(([name, { header }]) => content.sets.get(name)?.header !== header)
      .map(([name, { kind }]) => [name, kind]),
  );
  // What stays the same refers to desired objects only, so of those that go only the ones that come back matter to it.
  const replaced: Names = {
    chains: new Set([...goneChains].filter((name) => content.chains.has(name))),
    sets: new Set([...goneSets.keys()].filter((name) => content.sets.has(name))),
  };
  const isMadeSet = ({ name }: NamedSet | VerdictMap) => !actual.sets.has(name) || goneSets.has(name);
  // Chains that are all the same matter only if something that they refer to is replaced.
  const chains = sameChains && replaced.sets.size === 0 ? [] : desired.chains;
  const madeChains = sorted(chains.filter(({ name }) => !actual.chains.has(name) || goneChains.has(name)));
  const isChanged = (chain: Chain): boolean => {
    const before = actual.chains.get(chain.name);
    if (before === undefined || goneChains.has(chain.name)) return false;
    return !sameChain(before, content.chains.get(chain.name)) || refersTo(chain, replaced);
  };
  const changedChains = sorted(chains.filter(isChanged));
  const actualSet = (name: string) => (goneSets.has(name) ? undefined : actual.sets.get(name));
  return {
    table: desired.name,
    goneChains,
    goneSets,
    others: actual.others,
    madeChains,
    madeSets: sorted(desired.sets.filter(isMadeSet)),
    madeMaps: sorted(desired.maps.filter(isMadeSet)),
    flushedChains: changedChains.map(({ name }) => name),
    filledChains: [...madeChains, ...changedChains],
    sets: elementPlans(desired.sets, (set) => setPlan(set, actualSet(set.name), content)),
    maps: elementPlans(desired.maps, (map) => mapPlan(map, actualSet(map.name), content, replaced.chains)),
  };
}

/** Those that have something to do. */
function elementPlans<S extends NamedSet | VerdictMap, E>(
  sets: readonly S[],
  planOf: (set: S) => ElementPlan<S, E>,
): readonly ElementPlan<S, E>[] {
  const plans = sets.map(planOf).filter(({ removed, added }) => removed.length > 0 || added.length > 0);
  return plans.sort((a, b) => (a.set.name < b.set.name ? -1 : 1));
}

const NO_ELEMENTS: ElementTexts = new Map();

function elementsOf(set: SetContent | undefined): ElementTexts {
  return set?.elements ?? NO_ELEMENTS;
}

function sorted<T extends { readonly name: string }>(objects: readonly T[]): readonly T[] {
  return [...objects].sort((a, b) => (a.name < b.name ? -1 : 1));
}

interface Names {
  readonly chains: ReadonlySet<string>;
  readonly sets: ReadonlySet<string>;
}

function refersTo(chain: Chain, { chains, sets }: Names): boolean {
  if (chains.size === 0 && sets.size === 0) return false;
  return chain.rules.some(({ statements }) =>
    statements.some((statement) => {
      const references = referencesOf(statement);
      return references.chains.some((name) => chains.has(name)) || references.sets.some((name) => sets.has(name));
    }),
  );
}

/** The names that a statement needs to be there: chains, and sets or maps. */
export function referencesOf(statement: Statement): {
  readonly chains: readonly string[];
  readonly sets: readonly string[];
} {
  switch (statement.kind) {
    case 'jump':
    case 'goto':
      return { chains: [statement.chain], sets: [] };
    case 'match': {
      const { right } = statement;
      return { chains: [], sets: typeof right === 'object' && 'set' in right ? [right.set] : [] };
    }
    case 'vmap':
      if ('name' in statement.map) return { chains: [], sets: [statement.map.name] };
      return { chains: statement.map.elements.flatMap(([, verdict]) => targetOf(verdict)), sets: [] };
    default:
      return { chains: [], sets: [] };
  }
}

export function targetOf(verdict: MapElement[1]): readonly string[] {
  return 'chain' in verdict ? [verdict.chain] : [];
}

function setPlan(
  set: NamedSet,
  actualSet: SetContent | undefined,
  content: TableContent,
): ElementPlan<NamedSet, Value> {
  const desiredSet = content.sets.get(set.name);
  if (actualSet === desiredSet) return { set, removed: [], added: [] };
  const changes = actualSet && desiredSet?.changesSince?.(actualSet);
  if (changes) return { set, ...changes };
  const [actual, desired] = [elementsOf(actualSet), elementsOf(desiredSet)];
  return {
    set,
    removed: keysWhere(actual, (key, value) => desired.get(key) !== value),
    added: keysWhere(desired, (key, value) => actual.get(key) !== value),
  };
}

function mapPlan(
  map: VerdictMap,
  actualMap: SetContent | undefined,
  content: TableContent,
  replacedChains: ReadonlySet<string>,
): ElementPlan<VerdictMap, MapElement> {
  const desiredMap = content.sets.get(map.name);
  if (actualMap === desiredMap && replacedChains.size === 0) return { set: map, removed: [], added: [] };
  const [actual, desired] = [elementsOf(actualMap), elementsOf(desiredMap)];
  const stays = (key: string, value: string) =>
    actual.get(key) === value &&
    desired.get(key) === value &&
    (replacedChains.size === 0 || !replacedChains.has(value.slice(value.indexOf(' ') + 1)));
  return {
    set: map,
    removed: keysWhere(actual, (key, value) => !stays(key, value)),
    added: entriesWhere(desired, (key, value) => !stays(key, value)),
  };
}

type Test = (key: string, value: string) => boolean;

function keysWhere(elements: ElementTexts, test: Test): readonly Value[] {
  const found: Value[] = [];
  for (const [key, value] of elements) if (test(key, value)) found.push(JSON.parse(key) as Value);
  return found;
}

function entriesWhere(elements: ElementTexts, test: Test): readonly MapElement[] {
  const found: MapElement[] = [];
  for (const [key, value] of elements) if (test(key, value)) found.push([JSON.parse(key) as Value, verdictOf(value)]);
  return found;
}

function verdictOf(text: string): MapElement[1] {
  const [kind, chain] = text.split(' ');
  if ((kind === 'jump' || kind === 'goto') && chain !== undefined) return { kind, chain };
  return { kind: kind === 'accept' || kind === 'drop' ? kind : 'return' };
}

function removeReferences({ table, maps, goneSets, goneChains, flushedChains }: Plan): readonly Change[] {
  return [
    ...maps.flatMap(({ set, removed }) => deleteElements(table, set, removed)),
    // Kernels of before mid-2023 keep the references of a map's elements until the commit when only the map is deleted.
    ...names(goneSets).flatMap((name): Change[] =>
      goneSets.get(name) === 'map' ? [{ table, op: 'flush', object: 'map', name }] : [],
    ),
    ...[...goneChains, ...flushedChains].sort().map((name): Change => ({ table, op: 'flush', object: 'chain', name })),
  ];
}

function deleteObjects({ table, goneChains, goneSets, others }: Plan): readonly Change[] {
  return [
    ...[...goneChains].sort().map((name): Change => ({ table, op: 'delete', object: 'chain', name })),
    ...names(goneSets).map((name): Change => ({ table, op: 'delete', object: goneSets.get(name) ?? 'set', name })),
    ...others.map(({ kind, name }): Change => ({ table, op: 'delete', object: kind, name })),
  ];
}

function names(map: ReadonlyMap<string, unknown>): readonly string[] {
  return [...map.keys()].sort();
}

function addObjects({ table, madeSets, madeMaps, madeChains }: Plan): readonly Change[] {
  return [
    ...madeSets.map((set): Change => ({ table, op: 'add', object: 'set', set })),
    ...madeMaps.map((map): Change => ({ table, op: 'add', object: 'map', map })),
    ...madeChains.map((chain): Change => ({ table, op: 'add', object: 'chain', chain })),
  ];
}

/** Deletions first: in an interval set a new element may overlap an old one. */
function changeSetElements({ table, sets }: Plan): readonly Change[] {
  return sets.flatMap(({ set, removed, added }) => [
    ...deleteElements(table, set, removed),
    ...(added.length === 0
      ? []
      : [{ ...owner(table, set), op: 'add', object: 'setElement', elements: added } as const]),
  ]);
}

function addRules({ table, filledChains }: Plan): readonly Change[] {
  return filledChains.flatMap((chain) =>
    chain.rules.map((rule): Change => ({ table, op: 'add', object: 'rule', chain: chain.name, rule })),
  );
}

function addMapElements({ table, maps }: Plan): readonly Change[] {
  return maps.flatMap(({ set, added }): Change[] =>
    added.length === 0 ? [] : [{ ...owner(table, set), op: 'add', object: 'mapElement', elements: added }],
  );
}

function deleteElements(table: string, set: NamedSet | VerdictMap, elements: readonly Value[]): readonly Change[] {
  return elements.length === 0 ? [] : [{ ...owner(table, set), op: 'delete', object: 'element', elements }];
}

function owner(table: string, set: NamedSet | VerdictMap) {
  const { name, type } = set;
  return 'origin' in set && set.origin ? { table, name, type, origin: set.origin } : { table, name, type };
}
