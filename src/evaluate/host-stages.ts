import type { HostEndpointPolicy } from '../policy/host-policy.js';
import { type HostStage, hostStage } from './host-stage.js';
import type { StageResult } from './verdict.js';
import { isWorkloadInterface, type Walk } from './walk.js';

/** Everything that comes in over an interface with untracked policy, before conntrack. A wildcard has none. */
export function untrackedIngress(walk: Walk): StageResult | undefined {
  const endpoint = untracked(walk, walk.inInterface);
  const stage = { stage: 'untracked ingress', class: 'untracked', direction: 'ingress' } as const;
  return endpoint && untrackedStage(walk, endpoint, stage);
}

/** What processes of the host send, over the interface that was chosen first. */
export function untrackedEgress(walk: Walk): StageResult | undefined {
  const endpoint = untracked(walk, walk.firstOutInterface);
  const stage = { stage: 'untracked egress', class: 'untracked', direction: 'egress' } as const;
  return endpoint && untrackedStage(walk, endpoint, stage);
}

function untracked({ host }: Walk, name: string): HostEndpointPolicy | undefined {
  const endpoint = host.named.get(name);
  return endpoint && endpoint.untracked.length > 0 ? endpoint : undefined;
}

/** What it allows is not tracked any more, and so not translated either. */
function untrackedStage(walk: Walk, endpoint: HostEndpointPolicy, stage: HostStage): StageResult {
  const result = hostStage(walk, endpoint, stage, walk.before);
  if (walk.accepted) {
    walk.state = 'untracked';
    walk.after = walk.before;
    walk.dnat = false;
  }
  return result;
}

/**
 * Everything that comes in, as it was before DNAT. The wildcard's policy also holds for an interface whose own endpoint has no
 * pre-DNAT policy, other than in every other class; and for workload interfaces.
 */
export function preDNAT(walk: Walk): StageResult | undefined {
  const named = walk.host.named.get(walk.inInterface);
  const endpoint = [named, walk.host.wildcard].find((candidate) => candidate && candidate.preDNAT.length > 0);
  if (!endpoint) return undefined;
  const stage = { stage: 'pre-DNAT ingress', class: 'preDNAT', direction: 'ingress' } as const;
  return skippedIfAccepted(walk, endpoint, stage) ?? hostStage(walk, endpoint, stage, walk.before);
}

/** To processes of the host, but from workloads. */
export function hostIngress(walk: Walk): StageResult | undefined {
  if (isWorkloadInterface(walk.host, walk.inInterface)) return undefined;
  const endpoint = endpointOf(walk, walk.inInterface);
  const stage = { stage: 'host ingress', class: 'normal', direction: 'ingress' } as const;
  return endpoint && (skippedIfAccepted(walk, endpoint, stage) ?? hostStage(walk, endpoint, stage, walk.after));
}

/** What processes of the host send and DNAT leaves alone. */
export function hostEgress(walk: Walk): StageResult | undefined {
  return walk.dnat ? undefined : egress(walk, { stage: 'host egress', class: 'normal', direction: 'egress' });
}

/** What processes of the host send to an address that is translated: judged where it really goes. */
export function hostEgressAfterDNAT(walk: Walk): StageResult | undefined {
  return walk.dnat
    ? egress(walk, { stage: 'host egress after DNAT', class: 'normal', direction: 'egress' })
    : undefined;
}

/** The host reaches every workload. */
function egress(walk: Walk, stage: HostStage): StageResult | undefined {
  const { host, outInterface } = walk;
  if (isWorkloadInterface(host, outInterface)) {
    const by = { kind: 'Interface', name: outInterface, direction: stage.direction, rule: 'host to workload' } as const;
    return { ...stage, result: 'skipped', by };
  }
  const endpoint = endpointOf(walk, outInterface);
  return endpoint && (skippedIfAccepted(walk, endpoint, stage) ?? hostStage(walk, endpoint, stage, walk.after));
}

export function forwardIngress(walk: Walk): StageResult | undefined {
  const endpoint = endpointOf(walk, walk.inInterface);
  const stage = { stage: 'forward ingress', class: 'forward', direction: 'ingress' } as const;
  return endpoint && (skippedIfAccepted(walk, endpoint, stage) ?? hostStage(walk, endpoint, stage, walk.after));
}

/** What was accepted on its way in is judged here all the same. */
export function forwardEgress(walk: Walk): StageResult | undefined {
  const endpoint = endpointOf(walk, walk.outInterface);
  const stage = { stage: 'forward egress', class: 'forward', direction: 'egress' } as const;
  return endpoint && hostStage(walk, endpoint, stage, walk.after);
}

function endpointOf({ host }: Walk, name: string): HostEndpointPolicy | undefined {
  return host.named.get(name) ?? host.wildcard;
}

function skippedIfAccepted(walk: Walk, { name }: HostEndpointPolicy, stage: HostStage): StageResult | undefined {
  if (!walk.accepted) return undefined;
  return { ...stage, endpoint: { kind: 'HostEndpoint', name }, result: 'skipped', by: walk.accepted };
}
