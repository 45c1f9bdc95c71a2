import { accept, ct, goto, match, meta, notMatch } from '../nft/expressions.js';
import type { Rule } from '../nft/objects.js';
import type { HostEndpointPolicy } from '../policy/host-policy.js';
import { type ActiveHostEndpoints, activeHostEndpoints, forWorkloadInterfaces, hostDispatch } from './dispatch.js';
import { forwardChain, normalChain, postroutingChain, preDNATChain, untrackedChain } from './host-endpoint.js';
import type { Rendering } from './program.js';
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
  const { map, rules } = hostDispatch('untracked-egress', 'oifname', withUntracked(endpoints), (endpoint) =>
    untrackedChain(endpoint, 'egress', rendering),
  );
  return [hookStage('raw-output', [clearAllowedMark(rendering.policy.parameters), ...rules], [map])];
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
  const { map, rules } = hostDispatch('pre-dnat-ingress', 'iifname', concerned, (endpoint) =>
    preDNATChain(endpoint, rendering),
  );
  return [hookStage('pre-dnat', [allowedBefore(rendering), ...rules], [map])];
}

/** Workload → host leaves for a chain of its own; the rest meets the host endpoint of its interface. */
export function inputStage(rendering: Rendering): HookStage {
  const endpoints = activeHostEndpoints(rendering.policy);
  const { map, rules } = hostDispatch('host-ingress', 'iifname', endpoints, (endpoint) =>
    normalChain(endpoint, 'ingress', rendering),
  );
  const workloads = forWorkloadInterfaces('iifname', rendering.policy, 'workloads', [
    goto(workloadToHostChain(rendering)),
  ]);
  const allowed = usesMarks(endpoints) ? [allowedBefore(rendering)] : [];
  return hookStage('input-host', [...workloads, ...allowed, ...rules], [map]);
}

function forwardStage(
  direction: 'ingress' | 'egress',
  endpoints: ActiveHostEndpoints,
  marks: boolean,
  rendering: Rendering,
): HookStage {
  const by = direction === 'ingress' ? 'iifname' : 'oifname';
  const { map, rules } = hostDispatch(`forward-${direction}`, by, endpoints, (endpoint) =>
    forwardChain(endpoint, direction, rendering),
  );
  const name = direction === 'ingress' ? 'forward-host-ingress' : 'forward-host-egress';
  return hookStage(name, [...(marks ? [allowedBefore(rendering)] : []), ...rules], [map]);
}

/** What destination NAT changed has its final interface only in postrouting. Untracked and invalid packets are policed here. */
function outputStage(endpoints: ActiveHostEndpoints, marks: boolean, rendering: Rendering): HookStage {
  const { map, rules } = hostDispatch('host-egress', 'oifname', endpoints, (endpoint) =>
    normalChain(endpoint, 'egress', rendering),
  );
  return hookStage(
    'output-host',
    [
      ...(marks ? [allowedBefore(rendering)] : []),
      ...hostToWorkload(rendering),
      { statements: [match(ct.status, 'dnat'), accept], comment: 'judged in postrouting' },
      ...rules,
    ],
    [map],
  );
}

function postroutingStage(endpoints: ActiveHostEndpoints, marks: boolean, rendering: Rendering): HookStage {
  const { map, rules } = hostDispatch(
    'host-egress-dnat',
    'oifname',
    endpoints,
    (endpoint) => postroutingChain(endpoint, rendering),
    hostToWorkload(rendering),
  );
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
