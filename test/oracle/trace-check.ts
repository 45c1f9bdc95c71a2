import type { BaseChain, Chain, Statement, Table, Verdict } from '../../src/nft/objects.js';
import { Refused } from './trace-expression.js';

export type NamedBase = BaseChain & { readonly name: string };

/** What nft and the kernel check when they take a table. Returns its base chains. @throws Refused */
export function checkTable(table: Table): NamedBase[] {
  const bases = table.chains.flatMap(({ name, base }) => (base ? [{ name, ...checkedBase(name, base) }] : []));
  checkHooks(bases);
  checkReach(table, bases);
  return bases;
}

type Windows = Readonly<Record<BaseChain['hook'], readonly (readonly [number, number])[]>>;

/** Between what the kernel does itself on each hook: connection tracking at -200, destination NAT at -100, source NAT at 100. */
const FILTER_WINDOWS: Windows = {
  prerouting: [
    [-399, -201],
    [-199, -101],
    [-99, 1000],
  ],
  input: [[-199, 99]],
  forward: [[-199, 99]],
  output: [
    [-399, -201],
    [-199, -101],
    [-99, 1000],
  ],
  postrouting: [[-199, 99]],
};

/** The kernel takes them behind connection tracking only; those of others are at -100 and 100. */
const BESIDE_DESTINATION: Windows[keyof Windows] = [
  [-199, -101],
  [-99, 1000],
];
const BESIDE_SOURCE: Windows[keyof Windows] = [
  [-199, 99],
  [101, 1000],
];
const NAT_WINDOWS: Windows = {
  prerouting: BESIDE_DESTINATION,
  output: BESIDE_DESTINATION,
  forward: [],
  input: BESIDE_SOURCE,
  postrouting: BESIDE_SOURCE,
};

const WINDOWS: Readonly<Partial<Record<BaseChain['type'], Windows>>> = { filter: FILTER_WINDOWS, nat: NAT_WINDOWS };

function checkedBase(name: string, base: BaseChain): BaseChain {
  const windows = WINDOWS[base.type];
  if (windows === undefined) throw new Refused(`chain ${name} of type ${base.type}`);
  const known = windows[base.hook].some(([low, high]) => low <= base.priority && base.priority <= high);
  if (!known) throw new Refused(`chain ${name} at ${base.hook} ${base.priority}`);
  return base;
}

/** Chains with equal hook and priority run in the order of their registration, which changes with each transaction. */
function checkHooks(bases: readonly NamedBase[]): void {
  const places = bases.map(({ hook, priority }) => `${hook} ${priority}`);
  const twice = places.find((place, index) => places.indexOf(place) !== index);
  if (twice !== undefined) throw new Refused(`two chains at ${twice}`);
}

/** What the kernel checks when it takes a table: targets, loops, depth, and statements that a hook does not allow. */
function checkReach(table: Table, bases: readonly NamedBase[]): void {
  const chains = new Map(table.chains.map((chain) => [chain.name, chain]));
  const maps = new Map(table.maps.map(({ name, elements }) => [name, elements.map(([, verdict]) => verdict)]));
  for (const base of bases) visit(base.name, [], (chain) => checkAllowed(chain, base), chains, maps);
}

const DEEPEST = 16;

function visit(
  name: string,
  above: readonly string[],
  check: (chain: Chain) => void,
  chains: ReadonlyMap<string, Chain>,
  maps: ReadonlyMap<string, readonly Verdict[]>,
  seen: Map<string, number> = new Map(),
): void {
  const chain = chains.get(name);
  if (!chain) throw new Refused(`chain ${name} does not exist`);
  if (above.includes(name)) throw new Refused(`loop through chain ${name}`);
  if (above.length > 0 && chain.base) throw new Refused(`a jump to the base chain ${name}`);
  if (above.length >= DEEPEST) throw new Refused(`more than ${DEEPEST} chains deep at ${name}`);
  if ((seen.get(name) ?? -1) >= above.length) return;
  seen.set(name, above.length);
  check(chain);
  const verdicts = chain.rules.flatMap(({ statements }) => statements.flatMap((statement) => targets(statement, maps)));
  for (const target of new Set(verdicts)) visit(target, [...above, name], check, chains, maps, seen);
}

function targets(statement: Statement, maps: ReadonlyMap<string, readonly Verdict[]>): string[] {
  const chainOf = (verdict: Verdict) => ('chain' in verdict ? [verdict.chain] : []);
  if (statement.kind === 'jump' || statement.kind === 'goto') return [statement.chain];
  if (statement.kind !== 'vmap') return [];
  if ('elements' in statement.map) return statement.map.elements.flatMap(([, verdict]) => chainOf(verdict));
  return (maps.get(statement.map.name) ?? []).flatMap(chainOf);
}

/** What may stand in chains of type nat, besides what translates. */
const IN_NAT: ReadonlySet<string> = new Set(['match', 'vmap', 'counter', 'accept', 'return', 'jump', 'goto']);

function checkAllowed(chain: Chain, { hook, priority, type }: NamedBase): void {
  const translates = { prerouting: 'dnat', output: 'dnat', input: 'snat', postrouting: 'snat', forward: '' }[hook];
  for (const { kind } of chain.rules.flatMap(({ statements }) => statements)) {
    if (kind === 'reject' && hook === 'postrouting') throw new Refused('reject below postrouting');
    if (kind === 'notrack' && priority > -200) throw new Refused('notrack behind connection tracking');
    const isNat = kind === 'dnat' || kind === 'snat';
    if (isNat && (type !== 'nat' || kind !== translates)) throw new Refused(`${kind} below ${hook}, type ${type}`);
    if (type === 'nat' && !isNat && !IN_NAT.has(kind)) throw new Refused(`${kind} in a chain of type nat`);
  }
}
