import {
  accept,
  anyOf,
  ctCount,
  drop,
  icmpv6,
  jump,
  limitOver,
  match,
  meta,
  tcpReset,
  th,
} from '../nft/expressions.js';
import type { Rule as NftRule, Statement } from '../nft/objects.js';
import type { PolicyParameters, WorkloadEndpointPolicy } from '../policy/host-policy.js';
import { type Direction, invalidRules, OPEN_CONNECTIONS, type Rendering, renderStage } from './program.js';
import { verdictsOf } from './verdicts.js';

const TCP = 6;
const UDP = 17;
const IP_IN_IP = 4;

/** The chain of a workload endpoint: ingress is what is sent to the workload. Those that would be equal are rendered once. */
export function workloadChain(endpoint: WorkloadEndpointPolicy, direction: Direction, rendering: Rendering): string {
  const sameTiers = rendering.workloadChains.get(endpoint.normal) ?? new Map<string, string>();
  rendering.workloadChains.set(endpoint.normal, sameTiers);
  const { packetRate, maxConnections } = endpoint.limits[direction];
  // Limits are for one endpoint, so their chains name it.
  const limited = packetRate !== undefined || maxConnections !== undefined ? [endpoint.interface] : [];
  const key = [direction, ...limited, '', ...endpoint.profiles].join('/');
  const chain = sameTiers.get(key) ?? renderWorkloadChain(endpoint, direction, rendering);
  sameTiers.set(key, chain);
  return chain;
}

function renderWorkloadChain(endpoint: WorkloadEndpointPolicy, direction: Direction, rendering: Rendering): string {
  const { parameters } = rendering.policy;
  const verdicts = verdictsOf('normal', parameters);
  return renderStage(
    {
      name: `workload-${direction}`,
      endpoint: `WorkloadEndpoint ${endpoint.namespace}/${endpoint.name}`,
      direction,
      verdicts,
      prologue: [
        ...packetRateRules(endpoint, direction, rendering),
        OPEN_CONNECTIONS,
        ...invalidRules(parameters.disableConntrackInvalidCheck, verdicts.deny),
        ...connectionRules(endpoint, direction, rendering),
        ...(direction === 'egress' ? tunnelRules(parameters, verdicts.deny) : []),
      ],
      tiers: endpoint.normal,
      profiles: endpoint.profiles,
    },
    rendering,
  );
}

/**
 * The limits are in chains of their own, one for each endpoint: these do not change with policy, so what the kernel has counted
 * stays. Packets of open connections count too.
 */
function packetRateRules(endpoint: WorkloadEndpointPolicy, direction: Direction, rendering: Rendering): NftRule[] {
  const { packetRate } = endpoint.limits[direction];
  if (!packetRate) return [];
  const comment = `packet rate of ${endpoint.interface}`;
  const rule: NftRule = { statements: [limitOver(packetRate.rate, packetRate.burst), drop], comment };
  return [{ statements: [jump(rendering.pool.add(`rate-${direction}`, comment, [rule]))], comment }];
}

function connectionRules(endpoint: WorkloadEndpointPolicy, direction: Direction, rendering: Rendering): NftRule[] {
  const { maxConnections } = endpoint.limits[direction];
  if (maxConnections === undefined) return [];
  const comment = `connections of ${endpoint.interface}`;
  const rule: NftRule = { statements: [match(meta.l4proto, TCP), ctCount(maxConnections), tcpReset], comment };
  return [{ statements: [jump(rendering.pool.add(`connections-${direction}`, comment, [rule]))], comment }];
}

/** A workload that may send VXLAN or IP-in-IP could inject packets into the overlay under any address. */
function tunnelRules(parameters: PolicyParameters, deny: readonly Statement[]): NftRule[] {
  const vxlan: NftRule = {
    statements: [match(meta.l4proto, UDP), match(th.dport, parameters.vxlanPort), ...deny],
    comment: 'VXLAN from workloads',
  };
  const ipip: NftRule = { statements: [match(meta.l4proto, IP_IN_IP), ...deny], comment: 'IP-in-IP from workloads' };
  return [
    ...(parameters.allowVXLANPacketsFromWorkloads ? [] : [vxlan]),
    ...(parameters.allowIPIPPacketsFromWorkloads ? [] : [ipip]),
  ];
}

/** Workload → host, after the workload's egress policy: DefaultEndpointToHostAction. */
export function workloadToHostChain(rendering: Rendering): string {
  const { defaultEndpointToHostAction } = rendering.policy.parameters;
  const action = { Drop: [drop], Accept: [accept], Return: [] }[defaultEndpointToHostAction];
  const last: NftRule[] = action.length > 0 ? [{ statements: action, comment: 'defaultEndpointToHostAction' }] : [];
  return rendering.pool.add('workload-to-host', 'what workloads send to the host itself', [ICMPV6_TO_HOST, ...last]);
}

/** Multicast listener reports (MLDv1), router solicitation, neighbour discovery: without them a workload has no IPv6. */
export const ICMPV6_TO_HOST: NftRule = {
  statements: [match(icmpv6.type, anyOf([130, 131, 132, 133, 135, 136])), accept],
  comment: 'IPv6 neighbours and multicast listeners',
};
