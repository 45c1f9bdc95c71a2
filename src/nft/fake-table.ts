import { canonicalValue, hasIntervals, toInterval } from './canonical-value.js';
import type { Change, MapElement } from './change.js';
import { verdictText } from './content.js';
import { referencesOf, targetOf } from './diff.js';
import type { Chain, DataType, NamedSet, Rule, Table, Value, VerdictMap } from './objects.js';

/** The kernel's word for why it refuses a change. */
export class Refusal extends Error {}

interface Elements<E> {
  readonly type: readonly DataType[];
  readonly interval: boolean;
  readonly elements: Map<string, E>;
}

/** The table while it is changed. */
interface State {
  readonly chains: Map<string, { readonly chain: Chain; rules: Rule[] }>;
  readonly sets: Map<string, Elements<Value> & { readonly set: NamedSet }>;
  readonly maps: Map<string, Elements<MapElement> & { readonly map: VerdictMap }>;
}

/**
 * The table after a change, by the kernel's rules: what refers to something needs it, what something refers to can't be
 * deleted. Throws Refusal. Intervals of tuples are not checked for overlaps.
 */
export function changedTable(table: Table | undefined, changes: readonly Change[]): Table | undefined {
  let state = table && open(table);
  let name = table?.name ?? '';
  for (const change of changes) {
    if (change.object === 'table') {
      state = change.op === 'replace' ? open(change.content) : undefined;
      name = change.table;
    } else {
      if (!state || name !== change.table) throw new Refusal('No such file or directory');
      applyChange(state, change);
    }
  }
  if (state) refuseLoops(state);
  return state && close(name, state);
}

function open(table: Table): State {
  const state: State = { chains: new Map(), sets: new Map(), maps: new Map() };
  for (const chain of table.chains) addChain(state, chain);
  for (const set of table.sets) {
    addSet(state, set);
    addElements(state, set.name, [...set.elements]);
  }
  for (const map of table.maps) {
    addMap(state, map);
    addMapElements(state, map.name, map.elements);
  }
  for (const chain of table.chains) for (const rule of chain.rules) addRule(state, chain.name, rule);
  return state;
}

function close(name: string, { chains, sets, maps }: State): Table {
  return {
    name,
    chains: [...chains.values()].map(({ chain, rules }) => ({ ...chain, rules })),
    sets: [...sets.values()].map(({ set, elements }) => ({ ...set, elements: [...elements.values()] })),
    maps: [...maps.values()].map(({ map, elements }) => ({ ...map, elements: [...elements.values()] })),
  };
}

function applyChange(state: State, change: Exclude<Change, { object: 'table' }>): void {
  if (change.object === 'rule') addRule(state, change.chain, change.rule);
  else if (change.object === 'chain') {
    if (change.op === 'add') addChain(state, change.chain);
    else removeChain(state, change.op, change.name);
  } else if (change.object === 'set') {
    if (change.op === 'add') addSet(state, change.set);
    else removeSet(state, state.sets, change.op, change.name);
  } else if (change.object === 'map') {
    if (change.op === 'add') addMap(state, change.map);
    else removeSet(state, state.maps, change.op, change.name);
  } else if (change.object === 'setElement') addElements(state, change.name, change.elements);
  else if (change.object === 'mapElement') addMapElements(state, change.name, change.elements);
  else if (change.object === 'element') deleteElements(state, change.name, change.elements);
  // What is left deletes objects of other kinds, which the fake never has.
  else throw new Refusal('No such file or directory');
}

function addChain(state: State, chain: Chain): void {
  const existing = state.chains.get(chain.name);
  if (!existing) state.chains.set(chain.name, { chain, rules: [] });
  else if (JSON.stringify(existing.chain.base) !== JSON.stringify(chain.base)) throw new Refusal('File exists');
}

function removeChain(state: State, op: 'flush' | 'delete', name: string): void {
  const existing = found(state.chains, name);
  if (op === 'flush') existing.rules = [];
  else if (isReferredTo(state, 'chains', name)) throw new Refusal('Device or resource busy');
  else state.chains.delete(name);
}

function addRule(state: State, chain: string, rule: Rule): void {
  for (const statement of rule.statements) {
    const references = referencesOf(statement);
    for (const name of references.chains) found(state.chains, name);
    for (const name of references.sets) state.maps.get(name) ?? found(state.sets, name);
  }
  found(state.chains, chain).rules.push(rule);
}

function addSet(state: State, set: NamedSet): void {
  const interval = set.interval === true;
  if (state.maps.has(set.name)) throw new Refusal('File exists');
  if (state.sets.has(set.name)) refuseOtherType(found(state.sets, set.name), set.type, interval);
  else state.sets.set(set.name, { set, type: set.type, interval, elements: new Map() });
}

function addMap(state: State, map: VerdictMap): void {
  if (state.sets.has(map.name)) throw new Refusal('File exists');
  if (state.maps.has(map.name)) refuseOtherType(found(state.maps, map.name), map.type, false);
  else state.maps.set(map.name, { map, type: map.type, interval: false, elements: new Map() });
}

function refuseOtherType(existing: Elements<unknown>, type: readonly DataType[], interval: boolean): void {
  if (existing.type.join() !== type.join() || existing.interval !== interval) throw new Refusal('File exists');
}

function removeSet(state: State, sets: Map<string, Elements<unknown>>, op: 'flush' | 'delete', name: string): void {
  const existing = found(sets, name);
  if (op === 'flush') existing.elements.clear();
  else if (isReferredTo(state, 'sets', name)) throw new Refusal('Device or resource busy');
  else sets.delete(name);
}

function addElements(state: State, name: string, values: readonly Value[]): void {
  const set = found(state.sets, name);
  for (const value of values) {
    const key = keyOf(value, set);
    if (!set.elements.has(key) && overlaps(value, set)) throw new Refusal('conflicting intervals specified');
    set.elements.set(key, value);
  }
}

function overlaps(value: Value, { interval, type, elements }: Elements<Value>): boolean {
  const [only, ...more] = type;
  if (!interval || only === undefined || more.length > 0 || !hasIntervals(only)) return false;
  const { first, last } = toInterval(value, only);
  return [...elements.values()].some((other) => {
    const interval = toInterval(other, only);
    return interval.first <= last && first <= interval.last;
  });
}

function addMapElements(state: State, name: string, elements: readonly MapElement[]): void {
  const map = found(state.maps, name);
  for (const [value, verdict] of elements) {
    for (const chain of targetOf(verdict)) found(state.chains, chain);
    const key = keyOf(value, map);
    const existing = map.elements.get(key);
    if (existing && verdictText(existing[1]) !== verdictText(verdict)) throw new Refusal('File exists');
    map.elements.set(key, [value, verdict]);
  }
}

function deleteElements(state: State, name: string, values: readonly Value[]): void {
  const set: Elements<unknown> = state.maps.get(name) ?? found(state.sets, name);
  for (const value of values) {
    if (!set.elements.delete(keyOf(value, set))) throw new Refusal('No such file or directory');
  }
}

function keyOf(value: Value, { type }: Elements<unknown>): string {
  return JSON.stringify(canonicalValue(value, type));
}

function found<T>(objects: ReadonlyMap<string, T>, name: string): T {
  const object = objects.get(name);
  if (object === undefined) throw new Refusal('No such file or directory');
  return object;
}

function isReferredTo(state: State, kind: 'chains' | 'sets', name: string): boolean {
  const byRule = [...state.chains.values()].some(({ rules }) =>
    rules.some(({ statements }) => statements.some((statement) => referencesOf(statement)[kind].includes(name))),
  );
  return byRule || (kind === 'chains' && [...state.maps.values()].some((map) => targetsOfMap(map).includes(name)));
}

function targetsOfMap({ elements }: Elements<MapElement>): readonly string[] {
  return [...elements.values()].flatMap(([, verdict]) => targetOf(verdict));
}

/** A chain that leads back to itself is refused by the kernel for the whole transaction. */
function refuseLoops(state: State): void {
  const finished = new Set<string>();
  const visit = (name: string, path: ReadonlySet<string>): void => {
    if (path.has(name)) throw new Refusal('Too many links');
    if (finished.has(name)) return;
    for (const next of nextChains(state, name)) visit(next, new Set(path).add(name));
    finished.add(name);
  };
  for (const name of state.chains.keys()) visit(name, new Set());
}

function nextChains(state: State, name: string): readonly string[] {
  return found(state.chains, name).rules.flatMap(({ statements }) =>
    statements.flatMap((statement) => {
      const { chains, sets } = referencesOf(statement);
      return [...chains, ...sets.flatMap((set) => (state.maps.has(set) ? targetsOfMap(found(state.maps, set)) : []))];
    }),
  );
}
