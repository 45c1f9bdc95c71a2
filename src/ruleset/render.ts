import { accept, match, meta } from '../nft/expressions.js';
import type { Chain, NamedSet, Table, VerdictMap } from '../nft/objects.js';
import type { HostPolicy, PolicyParameters } from '../policy/host-policy.js';
import { chainPool } from './chain-pool.js';
import { type ListShape, LOOKUP_FROM, MOST_GROWTH } from './compiled-list.js';
import { hostStages, inputStage } from './host-stages.js';
import { natStages } from './nat-stages.js';
import type { Rendering } from './program.js';
import { type SetNames, setNames } from './sets.js';
import { steadyChain } from './stage.js';
import { rawPreroutingStage, workloadStages } from './workload-stages.js';

/** The name of the table, of family inet, that Margay owns. */
export const TABLE = 'margay';

export interface RenderOptions {
  /** From how many rules on a list gets a look-up by port; infinite: all rules in their order, for comparison. */
  readonly lookupFrom?: number;
  /** How many times the rules of a list may come out when it is compiled. */
  readonly mostGrowth?: number;
}

/** The nftables table that enforces a host policy: a pure function of it. */
export function renderTable(policy: HostPolicy, options: RenderOptions = {}): Table {
  return renderWithShapes(policy, options).table;
}

/** The same, and which form each list of policies has. */
export function renderWithShapes(policy: HostPolicy, options: RenderOptions = {}): Rendered {
  const { lookupFrom = LOOKUP_FROM, mostGrowth = MOST_GROWTH } = options;
  const made = { policy, lookupFrom, mostGrowth };
  const rendered = (latest && renderedAgain(latest, made)) ?? renderAnew(made);
  latest = rendered;
  return rendered;
}

export interface Rendered {
  readonly table: Table;
  readonly shapes: readonly ListShape[];
}

/** What a table is made of. */
type Made = { readonly policy: HostPolicy } & Required<RenderOptions>;

interface Remembered extends Rendered {
  readonly made: Made;
  /** Those of stages, which do not depend on the members of sets of the policy. */
  readonly stageSets: readonly NamedSet[];
  readonly setNames: SetNames;
}

let latest: Remembered | undefined;

/** Most changes concern members of sets only: then all else is the same objects as before. */
function renderedAgain(before: Remembered, made: Made): Remembered | undefined {
  if (!isSame(before.made, made)) return undefined;
  const used = before.setNames.again(made.policy.sets);
  return used && { ...before, made, table: { ...before.table, sets: [...before.stageSets, ...used] } };
}

function isSame(before: Made, now: Made): boolean {
  if (before.lookupFrom !== now.lookupFrom || before.mostGrowth !== now.mostGrowth) return false;
  const [a, b] = [before.policy, now.policy];
  return (
    a.parameters === b.parameters &&
    a.hostEndpoints === b.hostEndpoints &&
    a.workloadEndpoints === b.workloadEndpoints &&
    a.nats === b.nats &&
    a.policies === b.policies &&
    a.profiles === b.profiles
  );
}

function renderAnew(made: Made): Remembered {
  const { policy, lookupFrom, mostGrowth } = made;
  const rendering: Rendering = {
    policy,
    pool: chainPool(),
    sets: setNames(policy.sets),
    workloadChains: new Map(),
    tierRules: new Map(),
    maps: [],
    shapes: [],
    lookupFrom,
    mostGrowth,
  };
  const raw = rawPreroutingStage(rendering);
  const stages = [
    ...(raw ? [raw] : []),
    ...workloadStages(rendering),
    inputStage(rendering),
    ...hostStages(rendering),
    ...natStages(policy),
  ];
  const stageSets = stages.flatMap((stage) => stage.sets ?? []);
  const table = {
    name: TABLE,
    chains: [...stages.map((stage) => steadyChain(policed(stage.chain, policy.parameters))), ...rendering.pool.chains],
    sets: [...stageSets, ...rendering.sets.used],
    maps: [...stages.flatMap((stage) => stage.maps).filter(hasElements), ...rendering.maps],
  };
  return { table, shapes: rendering.shapes, made, stageSets, setNames: rendering.sets };
}

/** Without IPv6 support Calico leaves IPv6 alone, whatever policy says. */
function policed(chain: Chain, parameters: PolicyParameters): Chain {
  if (parameters.ipv6Support) return chain;
  const leave = { statements: [match(meta.nfproto, 'ipv6'), accept], comment: 'ipv6Support is false' };
  return { ...chain, rules: [leave, ...chain.rules] };
}

function hasElements(map: VerdictMap): boolean {
  return map.elements.length > 0;
}

/** What switches connection tracking on, and nothing else: loaded first, so that open connections are known when policy comes. */
export function conntrackTable(): Table {
  const rule = {
    statements: [match({ kind: 'ct', key: 'state' } as const, 'established'), accept],
    comment: 'connection tracking',
  };
  const base = { type: 'filter', hook: 'prerouting', priority: -145 } as const;
  return { name: TABLE, chains: [{ name: 'conntrack', base, rules: [rule] }], sets: [], maps: [] };
}
