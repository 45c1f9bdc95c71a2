import { concat, meta, th, vmapNamed } from '../nft/expressions.js';
import type { Chain, Rule as NftRule, VerdictMap } from '../nft/objects.js';
import type { ChainPool } from './chain-pool.js';
import { type PortChains, portChains } from './port-chains.js';
import { portRule } from './port-rule.js';
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
  const compiled = before && isSameList(before, list, output) ? before : compile(list, output, before);
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
  /** Of its groups, for what they have in common with those of the list after the next change. */
  readonly behindPorts: BehindPorts;
  readonly shape: ListShape;
}

interface BehindPorts {
  readonly mostPorts: number;
  readonly chains: readonly (PortChains | undefined)[];
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

function compile(list: PolicyList, output: ListOutput, before: CompiledList | undefined): CompiledList {
  const { pool, lookupFrom, mostGrowth } = output;
  const { groups, why, mostPorts } = compiledGroups(list, output, before?.behindPorts);
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
      const map = behind.toMap(`ports-${list.name}-${maps.length}`, list.title, recording);
      maps.push(map);
      const { keys, chains: count } = behind;
      shapes.push({ form: 'by port', map: map.name, keys, chains: count, rules: group.byPort.length });
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
    behindPorts: { mostPorts, chains: groups.map((group) => group.chains) },
    shape: { list: list.title, parts: shapes },
  };
}

const PORT = concat(meta.l4proto, th.dport);

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

interface Compiled {
  readonly groups: readonly { readonly group: RuleGroup; readonly chains: PortChains | undefined }[];
  readonly why: string;
  /** Rules for more ports than that stay in order. */
  readonly mostPorts: number;
}

function compiledGroups(
  list: PolicyList,
  { lookupFrom, mostGrowth }: ListOutput,
  before: BehindPorts | undefined,
): Compiled {
  if (!Number.isFinite(lookupFrom)) return plainGroups(list, 'asked for');
  for (const mostPorts of MOST_PORTS) {
    const isByPort = (rule: NftRule) => portCount(rule) <= mostPorts;
    const earlier = before?.mostPorts === mostPorts ? before.chains : [];
    const areAllByPort = (rules: readonly NftRule[]) => widestRule(rules) <= mostPorts;
    const groups = ruleGroups(list.parts, isByPort, areAllByPort).map((group, index) => ({
      group,
      chains:
        group.byPort.length < lookupFrom
          ? undefined
          : (earlier[index]?.changedTo(group.byPort) ?? portChains(group.byPort)),
    }));
    const compiled = groups.filter(({ chains }) => chains !== undefined);
    const written = compiled.reduce((sum, { chains }) => sum + (chains?.copies ?? 0), 0);
    const given = compiled.reduce((sum, { group }) => sum + group.byPort.length, 0);
    const why = `no ${lookupFrom} rules that may change places can be told apart by port`;
    if (written <= mostGrowth * given) return { groups, why, mostPorts };
  }
  return plainGroups(list, 'by port there would be more than twice the rules');
}

/** For how many ports a rule is; infinite if that can't be told. */
function portCount(rule: NftRule): number {
  return portRule(rule).keys?.length ?? Number.POSITIVE_INFINITY;
}

const widest = new WeakMap<readonly NftRule[], number>();

/** The largest number of ports of any of the rules. */
function widestRule(rules: readonly NftRule[]): number {
  const known = widest.get(rules) ?? rules.reduce((most, rule) => Math.max(most, portCount(rule)), 0);
  widest.set(rules, known);
  return known;
}

function plainGroups({ parts }: PolicyList, why: string): Compiled {
  return { groups: [{ group: { byPort: [], others: parts, all: parts }, chains: undefined }], why, mostPorts: 0 };
}

function countRules(parts: readonly PolicyPart[]): number {
  return parts.reduce((sum, { rules }) => sum + rules.length, 0);
}
