import { accept, match, meta } from '../nft/expressions.js';
import type { Chain, Table, VerdictMap } from '../nft/objects.js';
import type { HostPolicy, PolicyParameters } from '../policy/host-policy.js';
import { chainPool } from './chain-pool.js';
import { type ListShape, LOOKUP_FROM, MOST_GROWTH } from './compiled-list.js';
import { hostStages, inputStage } from './host-stages.js';
import { natStages } from './nat-stages.js';
import type { Rendering } from './program.js';
import { setNames } from './sets.js';
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
export function renderWithShapes(
  policy: HostPolicy,
  { lookupFrom = LOOKUP_FROM, mostGrowth = MOST_GROWTH }: RenderOptions = {},
): { readonly table: Table; readonly shapes: readonly ListShape[] } {
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
  const table = {
    name: TABLE,
    chains: [...stages.map((stage) => policed(stage.chain, policy.parameters)), ...rendering.pool.chains],
    sets: [...stages.flatMap((stage) => stage.sets ?? []), ...rendering.sets.used],
    maps: [...stages.flatMap((stage) => stage.maps).filter(hasElements), ...rendering.maps],
  };
  return { table, shapes: rendering.shapes };
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
