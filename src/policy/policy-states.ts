import type { ObjectKey } from '../resources/resource.js';
import type { PolicyFacts } from './active-policies.js';
import { DEFAULT_TIER } from './active-policies.js';
import type { HostEndpointPolicy, HostPolicy, TierPolicies } from './host-policy.js';
import { compareText } from './policy-order.js';

/** What became of a policy on this host. */
export interface PolicyState {
  readonly key: ObjectKey;
  readonly tier: string;
  readonly state: 'enforced' | 'staged' | 'inert' | 'unsupported';
  /** Why it is not enforced. */
  readonly reason: string | null;
}

/** A staged policy: valid and counted, never enforced. */
export interface StagedPolicy {
  readonly key: ObjectKey;
  readonly tier: string | undefined;
}

/** The state of every policy of the cluster here, sorted by tier and name. */
export function policyStates(
  policies: Iterable<PolicyFacts>,
  staged: Iterable<StagedPolicy>,
  hostPolicy: HostPolicy,
  selects: (policy: string) => boolean,
): PolicyState[] {
  const enforced = enforcedPolicies(hostPolicy);
  const states = [...policies].map((facts): PolicyState => {
    const { kind, metadata } = facts.policy;
    const namespace = facts.policy.kind === 'NetworkPolicy' ? { namespace: facts.policy.metadata.namespace } : {};
    return { key: { kind, ...namespace, name: metadata.name }, tier: facts.tier, ...stateOf(facts, enforced, selects) };
  });
  const inactive = [...staged].map(
    ({ key, tier }): PolicyState => ({
      key,
      tier: tier ?? DEFAULT_TIER,
      state: 'staged',
      reason: 'staged policies are not enforced',
    }),
  );
  return [...states, ...inactive].sort(
    (a, b) => compareText(a.tier, b.tier) || compareText(a.key.name, b.key.name) || compareText(a.key.kind, b.key.kind),
  );
}

function stateOf(
  { id, policy }: PolicyFacts,
  enforced: ReadonlySet<string>,
  selects: (policy: string) => boolean,
): Pick<PolicyState, 'state' | 'reason'> {
  if (enforced.has(id)) return { state: 'enforced', reason: null };
  if (!selects(id)) return { state: 'inert', reason: 'selects no endpoint of this node' };
  if (policy.kind === 'GlobalNetworkPolicy' && (policy.spec.doNotTrack || policy.spec.preDNAT)) {
    const kind = policy.spec.doNotTrack
      ? 'doNotTrack policy is for host endpoints with an interface'
      : 'preDNAT policy is for host endpoints';
    return { state: 'unsupported', reason: `${kind}, and it selects others only` };
  }
  return { state: 'inert', reason: 'the endpoints of this node that it selects are not active' };
}

function enforcedPolicies(policy: HostPolicy): Set<string> {
  const active = policy.hostEndpoints.filter(({ interfaces }) => interfaces.length > 0);
  const tiers = [...active.flatMap(allTiers), ...policy.workloadEndpoints.flatMap(({ normal }) => normal)];
  return new Set(tiers.flatMap(({ ingress, egress }) => [...ingress, ...egress]));
}

function allTiers({ untracked, preDNAT, forward, normal }: HostEndpointPolicy): TierPolicies[] {
  return [...untracked, ...preDNAT, ...forward, ...normal];
}
