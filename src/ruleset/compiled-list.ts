import { concat, jump, meta, th, vmapNamed } from '../nft/expressions.js';
import type { Chain, Rule as NftRule, VerdictMap } from '../nft/objects.js';
import type { ChainPool } from './chain-pool.js';
import { type PortKey, portRule } from './port-rule.js';
import { type PolicyPart, type RuleGroup, ruleGroups } from './rule-groups.js';
import { type ListPool, segments } from './segments.js';

/** A list of policies: those of a tier for some endpoints, in one direction. */
export interface PolicyList {
  /** No other list of the table has it, and it stays when policies change: maps are named after it. */
  readonly name: string;
  /** For people. */
  readonly title: string;
  readonly parts: readonly PolicyPart[];
}

/** Where lists put what they are made of besides rules. */
export interface ListOutput {
  readonly pool: ChainPool;
  readonly maps: VerdictMap[];
  readonly shapes: ListShape[];
  /** From how many rules on a look-up by port is made; infinite: never. */
  readonly lookupFrom: number;
  /** How many times the rules may come out. */
  readonly mostGrowth: number;
}

/** How a list was rendered, for `margay render --explain-shape`. */
export interface ListShape {
  readonly list: string;
  readonly parts: readonly ShapePart[];
}

export type ShapePart =
  | { readonly form: 'in order'; readonly rules: number; readonly why: string }
  | {
      readonly form: 'by port';
      readonly map: string;
      readonly keys: number;
      readonly chains: number;
      readonly rules: number;
    };

/** A look-up costs as much as a few rules. */
export const LOOKUP_FROM = 6;
export const MOST_GROWTH = 2;
/** Rules for more ports than this stay in order: what is tried, until that is so. */
const MOST_PORTS = [64, 8, 1];

/**
 * The rules of a list, compiled by what they mean: those for certain destination ports stand behind one look-up of protocol and
 * port, which leads to the few rules of that port, in their order. A change of a policy changes the chains of its ports and
 * their elements in the map. What can't be told apart by port, or must not change places, stays in order.
 */
export function compiledList(list: PolicyList, output: ListOutput): readonly NftRule[] {
  const before = knownLists(output.pool).get(list.name);
  const compiled = before && isSameList(before, list, output) ? before : compile(list, output);
  latest.lists.set(list.name, compiled);
  for (const chain of compiled.chains) output.pool.keep(chain);
  output.maps.push(...compiled.maps);
  output.shapes.push(compiled.shape);
  return compiled.rules;
}

interface CompiledList extends PolicyList {
  readonly lookupFrom: number;
  readonly mostGrowth: number;
  readonly rules: readonly NftRule[];
  readonly maps: readonly VerdictMap[];
  readonly chains: readonly Chain[];
  readonly shape: ListShape;
}

type Lists = Map<string, CompiledList>;

// Those of the table in work, and of the one before: most are in both.
let latest: { readonly pool: ChainPool | undefined; readonly lists: Lists } = { pool: undefined, lists: new Map() };
let earlier: Lists = new Map();

function knownLists(pool: ChainPool): Lists {
  if (latest.pool !== pool) {
    earlier = latest.lists;
    latest = { pool, lists: new Map() };
  }
  return earlier;
}

function isSameList(known: CompiledList, { title, parts }: PolicyList, output: ListOutput): boolean {
  if (known.lookupFrom !== output.lookupFrom || known.mostGrowth !== output.mostGrowth) return false;
  if (known.title !== title || known.parts.length !== parts.length) return false;
  return parts.every(({ rules }, index) => rules === known.parts[index]?.rules);
}

function compile(list: PolicyList, output: ListOutput): CompiledList {
  const { pool, lookupFrom, mostGrowth } = output;
  const { groups, why } = compiledGroups(list, output);
  const chains = new Set<Chain>();
  const recording = recordingPool(pool, chains);
  const maps: VerdictMap[] = [];
  const shapes: ShapePart[] = [];
  const rules: NftRule[] = [];
  let pending: PolicyPart[] = [];
  const flush = (): void => {
    if (pending.length > 0) shapes.push({ form: 'in order', rules: countRules(pending), why });
    rules.push(...segments(pending, recording));
    pending = [];
  };
  for (const { group, chains: behind } of groups) {
    if (behind) {
      flush();
      const map = portMap(`ports-${list.name}-${maps.length}`, list.title, behind, recording);
      maps.push(map);
      shapes.push({ ...sizeOf(map, behind), rules: group.byPort.length });
      rules.push({ statements: [vmapNamed(PORT, map.name)], comment: `${list.title}, by port` });
    }
    pending.push(...(behind ? group.others : group.all));
  }
  flush();
  return {
    ...list,
    lookupFrom,
    mostGrowth,
    rules,
    maps,
    chains: [...chains],
    shape: { list: list.title, parts: shapes },
  };
}

const PORT = concat(meta.l4proto, th.dport);

function sizeOf({ name, elements }: VerdictMap, { rules }: PortChains) {
  return { form: 'by port', map: name, keys: elements.length, chains: rules.size } as const;
}

/** Chains that come from the pool, so that they can be kept when the list is the same next time. */
function recordingPool(pool: ChainPool, chains: Set<Chain>): ListPool {
  const record = (chain: Chain): Chain => {
    chains.add(chain);
    return chain;
  };
  return {
    addChain: (...content) => record(pool.addChain(...content)),
    keep: (chain) => pool.keep(record(chain)),
  };
}

/** The rules of each port, by the text of their numbers in the group: ports with the same rules share a chain. */
interface PortChains {
  readonly keys: ReadonlyMap<PortKey, string>;
  readonly rules: ReadonlyMap<string, readonly NftRule[]>;
}

interface Compiled {
  readonly groups: readonly { readonly group: RuleGroup; readonly chains: PortChains | undefined }[];
  readonly why: string;
}

function compiledGroups(list: PolicyList, { lookupFrom, mostGrowth }: ListOutput): Compiled {
  if (!Number.isFinite(lookupFrom)) return plainGroups(list, 'asked for');
  for (const mostPorts of MOST_PORTS) {
    const isByPort = (rule: NftRule) => (portRule(rule).keys?.length ?? Number.POSITIVE_INFINITY) <= mostPorts;
    const groups = ruleGroups(list.parts, isByPort).map((group) => ({
      group,
      chains: group.byPort.length < lookupFrom ? undefined : portChains(group.byPort),
    }));
    const compiled = groups.filter(({ chains }) => chains !== undefined);
    const written = compiled.reduce((sum, { chains }) => sum + (chains ? countCopies(chains) : 0), 0);
    const given = compiled.reduce((sum, { group }) => sum + group.byPort.length, 0);
    if (written <= mostGrowth * given)
      return { groups, why: `no ${lookupFrom} rules that may change places can be told apart by port` };
  }
  return plainGroups(list, 'by port there would be more than twice the rules');
}

function plainGroups({ parts }: PolicyList, why: string): Compiled {
  return { groups: [{ group: { byPort: [], others: parts, all: parts }, chains: undefined }], why };
}

function portChains(rules: readonly NftRule[]): PortChains {
  const numbers = new Map<PortKey, number[]>();
  rules.forEach((rule, index) => {
    for (const key of portRule(rule).keys ?? []) {
      const own = numbers.get(key);
      if (own) own.push(index);
      else numbers.set(key, [index]);
    }
  });
  const keys = new Map<PortKey, string>();
  const chains = new Map<string, readonly NftRule[]>();
  for (const [key, indexes] of numbers) {
    const text = indexes.join();
    keys.set(key, text);
    if (!chains.has(text)) chains.set(text, cheapestFirst(indexes.flatMap((index) => rules[index] ?? [])));
  }
  return { keys, rules: chains };
}

/** Where rules with the same verdict follow each other it makes no difference which comes first. */
function cheapestFirst(rules: readonly NftRule[]): readonly NftRule[] {
  const runs: NftRule[][] = [];
  let last: string | undefined;
  for (const rule of rules) {
    const { verdict } = portRule(rule);
    const run = runs.at(-1);
    if (run && verdict !== undefined && verdict === last) run.push(rule);
    else runs.push([rule]);
    last = verdict;
  }
  return runs.flatMap((run) => run.sort((a, b) => portRule(a).lookups - portRule(b).lookups));
}

function countCopies({ rules }: PortChains): number {
  return [...rules.values()].reduce((sum, { length }) => sum + length, 0);
}

function countRules(parts: readonly PolicyPart[]): number {
  return parts.reduce((sum, { rules }) => sum + rules.length, 0);
}

function portMap(name: string, comment: string, chains: PortChains, pool: ListPool): VerdictMap {
  const verdicts = new Map([...chains.rules].map(([text, rules]) => [text, jump(portChain(rules, pool).name)]));
  const elements = [...chains.keys].flatMap(([key, text]) => {
    const verdict = verdicts.get(text);
    return verdict ? [[[Math.floor(key / 65_536), key % 65_536], verdict] as const] : [];
  });
  return { name, type: ['inet_proto', 'inet_service'], comment, elements };
}

interface KnownChain {
  readonly rules: readonly NftRule[];
  readonly chain: Chain;
}

/** By their first rule: of the rules of a list most stay the same objects from one table to the next. */
const knownChains = new WeakMap<NftRule, KnownChain[]>();

function portChain(rules: readonly NftRule[], pool: ListPool): Chain {
  const [first] = rules;
  if (!first) throw new Error('a port without rules');
  const known = knownChains.get(first) ?? [];
  knownChains.set(first, known);
  const before = known.find((one) => isSame(one.rules, rules));
  if (before) {
    pool.keep(before.chain);
    return before.chain;
  }
  const chain = pool.addChain(
    'port',
    'what is allowed and denied for a port',
    rules.map((rule) => portRule(rule).behindPort),
  );
  // A rule that others come and go behind would collect what nobody needs any more.
  if (known.length >= MOST_KNOWN) known.shift();
  known.push({ rules, chain });
  return chain;
}

const MOST_KNOWN = 64;

function isSame(a: readonly NftRule[], b: readonly NftRule[]): boolean {
  return a.length === b.length && a.every((rule, index) => rule === b[index]);
}
