import type { Tier } from '../resources/kinds.js';
import type { TierPolicies } from './host-policy.js';
import type { Policy, PolicyFacts } from './policy-facts.js';
import { comparePolicies, compareTiers, type TierOrder } from './policy-order.js';

/** The tiers of an endpoint, one list for each class of policy. */
export interface EndpointTiers {
  readonly untracked: readonly TierPolicies[];
  readonly preDNAT: readonly TierPolicies[];
  readonly forward: readonly TierPolicies[];
  readonly normal: readonly TierPolicies[];
}

type PolicyClass = keyof EndpointTiers;

/** Sorts the policies that select an endpoint into classes and ordered tiers (docs.tigera.io, "Tiered policy"). */
export function endpointTiers(
  policies: readonly PolicyFacts[],
  tiers: ReadonlyMap<string, Tier>,
  endpoint: 'host' | 'workload',
): EndpointTiers {
  const ordered = tiersInOrder(policies, tiers);
  const listOf = (policyClass: PolicyClass) =>
    ordered.flatMap(({ tier, policies: own }) => tierOf(policyClass, tier, own, tiers, endpoint));
  return {
    untracked: listOf('untracked'),
    preDNAT: listOf('preDNAT'),
    forward: listOf('forward'),
    normal: listOf('normal'),
  };
}

function tiersInOrder(policies: readonly PolicyFacts[], tiers: ReadonlyMap<string, Tier>) {
  const byTier = new Map<string, PolicyFacts[]>();
  for (const policy of policies) {
    const same = byTier.get(policy.tier);
    if (same) same.push(policy);
    else byTier.set(policy.tier, [policy]);
  }
  return [...byTier]
    .map(([name, own]) => ({ tier: tierOrder(name, tiers.get(name)), policies: own.sort(comparePolicies) }))
    .sort((a, b) => compareTiers(a.tier, b.tier));
}

function tierOrder(name: string, tier: Tier | undefined): TierOrder {
  return { name, exists: tier !== undefined, order: tier?.spec.order };
}

function tierOf(
  policyClass: PolicyClass,
  { name }: TierOrder,
  policies: readonly PolicyFacts[],
  tiers: ReadonlyMap<string, Tier>,
  endpoint: 'host' | 'workload',
): TierPolicies[] {
  const own = policies.filter(({ policy }) => classesOf(policy, endpoint).includes(policyClass));
  if (own.length === 0) return [];
  const withType = (type: 'Ingress' | 'Egress') =>
    own.filter(({ policy }) => hasType(policy, type)).map(({ id }) => id);
  const early = policyClass === 'untracked' || policyClass === 'preDNAT';
  return [
    {
      name,
      // What nothing decides before connection tracking and NAT goes on to the later classes.
      defaultAction: early ? 'Pass' : (tiers.get(name)?.spec.defaultAction ?? 'Deny'),
      ingress: withType('Ingress'),
      egress: policyClass === 'preDNAT' ? [] : withType('Egress'),
    },
  ];
}

/** Stored without types, or with an empty list, it is for both directions (Calico: felix/calc/policy_sorter.go). */
function hasType({ spec: { types = [] } }: Policy, type: 'Ingress' | 'Egress'): boolean {
  return types.length === 0 || types.includes(type);
}

/** To a workload endpoint only normal policies apply, and `applyOnForward` changes nothing. */
function classesOf(policy: Policy, endpoint: 'host' | 'workload'): readonly PolicyClass[] {
  if (policy.kind !== 'GlobalNetworkPolicy') return ['normal'];
  const { doNotTrack, preDNAT, applyOnForward } = policy.spec;
  if (doNotTrack) return endpoint === 'host' ? ['untracked'] : [];
  if (preDNAT) return endpoint === 'host' ? ['preDNAT'] : [];
  return applyOnForward && endpoint === 'host' ? ['forward', 'normal'] : ['normal'];
}
