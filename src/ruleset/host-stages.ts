import { accept, ct, goto, match, meta, notMatch } from '../nft/expressions.js';
import type { Rule } from '../nft/objects.js';
import type { HostEndpointPolicy } from '../policy/host-policy.js';
import { type ActiveHostEndpoints, activeHostEndpoints, forWorkloadInterfaces, hostDispatch } from './dispatch.js';
import { forwardChain, normalChain, postroutingChain, preDNATChain, untrackedChain } from './host-endpoint.js';
import { OPEN_CONNECTIONS, type Rendering } from './program.js';
import { type HookStage, hookStage } from './stage.js';
import { allowedMark, clearAllowedMark } from './verdicts.js';
import { workloadToHostChain } from './workload-endpoint.js';

/** The stages of host endpoints; those without anything to enforce are left out. */
export function hostStages(rendering: Rendering): readonly HookStage[] {
  const endpoints = activeHostEndpoints(rendering.policy);
  const marks = usesMarks(endpoints);
  if (!endpoints.wildcard && endpoints.named.length === 0) return [];
  return [
    ...preDNATStages(endpoints, rendering),
    ...rawOutputStages(endpoints, rendering),
    forwardStage('ingress', endpoints, marks, rendering),
    forwardStage('egress', endpoints, false, rendering),
    outputStage(endpoints, marks, rendering),
    postroutingStage(endpoints, marks, rendering),
  ];
}

/** Whether a stage before filter may allow a packet for good. */
export function usesMarks(endpoints: ActiveHostEndpoints): boolean {
  const all = endpoints.wildcard ? [...endpoints.named, endpoints.wildcard] : endpoints.named;
  return all.some((endpoint) => endpoint.untracked.length > 0 || endpoint.preDNAT.length > 0);
}

/** Rules of the raw prerouting chain, which workloads share. */
export function rawPreroutingRules(
  endpoints: ActiveHostEndpoints,
  rendering: Rendering,
): ReturnType<typeof hostDispatch> {
  return hostDispatch('untracked-ingress', 'iifname', withUntracked(endpoints), (endpoint) =>
    untrackedChain(endpoint, 'ingress', rendering),
  );
}

function rawOutputStages(endpoints: ActiveHostEndpoints, rendering: Rendering): HookStage[] {
  if (!usesMarks(endpoints)) return [];
  const { map, lookup } = hostDispatch('untracked-egress', 'oifname', withUntracked(endpoints), (endpoint) =>
    untrackedChain(endpoint, 'egress', rendering),
  );
  return [hookStage('raw-output', [clearAllowedMark(rendering.policy.parameters), ...lookup], [map])];
}

/** The wildcard has no untracked policy (docs.tigera.io, HostEndpoint). */
function withUntracked(endpoints: ActiveHostEndpoints): ActiveHostEndpoints {
  return { named: endpoints.named.filter((endpoint) => endpoint.untracked.length > 0), wildcard: undefined };
}

/** An interface whose endpoint has no pre-DNAT policy is still subject to that of the wildcard: so it is in Calico. */
function preDNATStages(endpoints: ActiveHostEndpoints, rendering: Rendering): HookStage[] {
  const has = (endpoint: HostEndpointPolicy) => endpoint.preDNAT.length > 0;
  const wildcard = endpoints.wildcard && has(endpoints.wildcard) ? endpoints.wildcard : undefined;
  const concerned = { named: endpoints.named.filter(has), wildcard };
  if (!wildcard && concerned.named.length === 0) return [];
  const dispatch = hostDispatch('pre-dnat-ingress', 'iifname', concerned, (endpoint) =>
    preDNATChain(endpoint, rendering),
  );
  const rules = [OPEN_CONNECTIONS, allowedBefore(rendering), ...dispatch.lookup, ...dispatch.wildcard];
  return [hookStage('pre-dnat', rules, [dispatch.map])];
}

/**
 * Workload → host leaves for a chain of its own; the rest meets the host endpoint of its interface, which is never one of a
 * workload's, so it may be looked up first. Not so where a mark of earlier stages counts, which means nothing for workloads, and
 * not with `nftablesFilterAllowAction: Return`: then answers to the host meet DefaultEndpointToHostAction, as in Calico.
 */
export function inputStage(rendering: Rendering): HookStage {
  const { policy } = rendering;
  const endpoints = activeHostEndpoints(policy);
  const { map, lookup, wildcard } = hostDispatch('host-ingress', 'iifname', endpoints, (endpoint) =>
    normalChain(endpoint, 'ingress', rendering),
  );
  const workloads = forWorkloadInterfaces('iifname', policy, 'workloads', [goto(workloadToHostChain(rendering))]);
  const marks = usesMarks(endpoints);
  const host = [...(marks ? [allowedBefore(rendering)] : []), ...lookup];
  const rules =
    policy.parameters.filterAllowAction === 'RETURN'
      ? [...workloads, OPEN_CONNECTIONS, ...host]
      : [OPEN_CONNECTIONS, ...(marks ? [...workloads, ...host] : [...host, ...workloads])];
  return hookStage('input-host', [...rules, ...wildcard], [map]);
}

function forwardStage(
  direction: 'ingress' | 'egress',
  endpoints: ActiveHostEndpoints,
  marks: boolean,
  rendering: Rendering,
): HookStage {
  const by = direction === 'ingress' ? 'iifname' : 'oifname';
  const { map, lookup, wildcard } = hostDispatch(`forward-${direction}`, by, endpoints, (endpoint) =>
    forwardChain(endpoint, direction, rendering),
  );
  const name = direction === 'ingress' ? 'forward-host-ingress' : 'forward-host-egress';
  const allowed = marks ? [allowedBefore(rendering)] : [];
  return hookStage(name, [OPEN_CONNECTIONS, ...allowed, ...lookup, ...wildcard], [map]);
}

/** What destination NAT changed has its final interface only in postrouting. Untracked and invalid packets are policed here. */
function outputStage(endpoints: ActiveHostEndpoints, marks: boolean, rendering: Rendering): HookStage {
  const { map, lookup, wildcard } = hostDispatch('host-egress', 'oifname', endpoints, (endpoint) =>
    normalChain(endpoint, 'egress', rendering),
  );
  return hookStage(
    'output-host',
    [
      OPEN_CONNECTIONS,
      ...(marks ? [allowedBefore(rendering)] : []),
      ...hostToWorkload(rendering),
      { statements: [match(ct.status, 'dnat'), accept], comment: 'judged in postrouting' },
      ...lookup,
      ...wildcard,
    ],
    [map],
  );
}

function postroutingStage(endpoints: ActiveHostEndpoints, marks: boolean, rendering: Rendering): HookStage {
  const { map, lookup, wildcard } = hostDispatch('host-egress-dnat', 'oifname', endpoints, (endpoint) =>
    postroutingChain(endpoint, rendering),
  );
  const rules = [
    OPEN_CONNECTIONS,
    ...lookup,
    ...(wildcard.length > 0 ? [...hostToWorkload(rendering), ...wildcard] : []),
  ];
  const chain = rendering.pool.add('host-egress-dnat', 'what the host sends through destination NAT', rules);
  return hookStage(
    'postrouting-host',
    [
      { statements: [notMatch(meta.iif, 0), accept], comment: 'forwarded' },
      ...(marks ? [allowedBefore(rendering)] : []),
      { statements: [match(ct.status, 'dnat'), goto(chain)] },
    ],
    [map],
  );
}

/** Traffic from the host to its own workloads is always allowed (docs.tigera.io, HostEndpoint). */
function hostToWorkload(rendering: Rendering): Rule[] {
  return forWorkloadInterfaces('oifname', rendering.policy, 'host to workload', [accept]);
}

function allowedBefore(rendering: Rendering): Rule {
  return { statements: [allowedMark(rendering.policy.parameters), accept], comment: 'allowed before' };
}
