import { jump } from '../nft/expressions.js';
import type { Chain, Rule as NftRule, Value, Verdict, VerdictMap } from '../nft/objects.js';
import { type PortKey, portRule } from './port-rule.js';
import type { ListPool } from './segments.js';

/** The rules for certain ports of a list, by port; ports with the same rules share a chain. */
export interface PortChains {
  readonly keys: number;
  readonly chains: number;
  /** How often rules come out, all chains together. */
  readonly copies: number;
  /**
   * The same for other rules. Costs what is different between the two lists of rules, which is little when a policy has changed;
   * therefore it takes the place of this one, which is not to be used any more.
   */
  changedTo(rules: readonly NftRule[]): PortChains;
  toMap(name: string, comment: string, pool: ListPool): VerdictMap;
}

/** What is behind some ports. */
interface Behind {
  /** Made of the numbers of its rules. */
  readonly text: string;
  readonly rules: readonly NftRule[];
  /** Made when it is first needed. */
  chain: Chain | undefined;
  ports: number;
}

interface Port {
  readonly behind: Behind;
  element: readonly [Value, Verdict] | undefined;
}

export function portChains(rules: readonly NftRule[]): PortChains {
  return withPorts([], new Map(), new Map(), 0).changedTo(rules);
}

function withPorts(
  rules: readonly NftRule[],
  ports: Map<PortKey, Port>,
  lists: Map<string, Behind>,
  copies: number,
): PortChains {
  let isReplaced = false;
  return {
    keys: ports.size,
    chains: lists.size,
    copies,
    changedTo(next) {
      if (isReplaced) return portChains(next);
      isReplaced = true;
      const changes = rulesOfPorts(next, portsConcerned(rules, next));
      let written = copies;
      for (const [key, own] of changes) {
        written -= release(key, ports, lists);
        if (own.length === 0) continue;
        const text = own.map(numberOf).join();
        const known = lists.get(text);
        const behind = known ?? { text, rules: cheapestFirst(own), chain: undefined, ports: 0 };
        if (!known) written += own.length;
        behind.ports += 1;
        lists.set(text, behind);
        ports.set(key, { behind, element: undefined });
      }
      return withPorts(next, ports, lists, written);
    },
    toMap(name, comment, pool) {
      for (const behind of lists.values()) {
        if (behind.chain) pool.keep(behind.chain);
        else behind.chain = chainOf(behind, pool);
      }
      const elements = Array.from(ports, ([key, port]) => {
        port.element ??= [[Math.floor(key / 65_536), key % 65_536], jump(port.behind.chain?.name ?? '')];
        return port.element;
      });
      return { name, type: ['inet_proto', 'inet_service'], comment, elements };
    },
  };
}

/** Ports of rules that are not in both; all others have the same rules in the same order. */
function portsConcerned(before: readonly NftRule[], after: readonly NftRule[]): ReadonlySet<PortKey> {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  const different = [...before.slice(start, before.length - end), ...after.slice(start, after.length - end)];
  return new Set(different.flatMap((rule) => portRule(rule).keys ?? []));
}

function rulesOfPorts(rules: readonly NftRule[], ports: ReadonlySet<PortKey>): ReadonlyMap<PortKey, NftRule[]> {
  const found = new Map<PortKey, NftRule[]>();
  for (const port of ports) found.set(port, []);
  if (ports.size === 0) return found;
  for (const rule of rules) for (const key of portRule(rule).keys ?? []) found.get(key)?.push(rule);
  return found;
}

/** Returns how many rules less come out. */
function release(key: PortKey, ports: Map<PortKey, Port>, lists: Map<string, Behind>): number {
  const behind = ports.get(key)?.behind;
  ports.delete(key);
  if (!behind || --behind.ports > 0) return 0;
  lists.delete(behind.text);
  return behind.rules.length;
}

function chainOf({ rules }: Behind, pool: ListPool): Chain {
  return pool.addChain(
    'port',
    'what is allowed and denied for a port',
    rules.map((rule) => portRule(rule).behindPort),
  );
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

const numbers = new WeakMap<NftRule, number>();
let count = 0;

function numberOf(rule: NftRule): number {
  const known = numbers.get(rule);
  if (known !== undefined) return known;
  numbers.set(rule, ++count);
  return count;
}
