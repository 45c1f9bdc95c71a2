import { isDeepStrictEqual } from 'node:util';
import type { GlobalNetworkPolicy, KubernetesNetworkPolicy, NetworkPolicy } from '../resources/kinds.js';
import type { PolicyOrder } from './policy-order.js';

export type Policy = NetworkPolicy | KubernetesNetworkPolicy | GlobalNetworkPolicy;

export const DEFAULT_TIER = 'default';

/** What decides where and how a policy takes part. */
export interface PolicyFacts extends PolicyOrder {
  readonly id: string;
  /** Another for each policy, the same for all its versions. */
  readonly number: number;
  readonly policy: Policy;
  readonly tier: string;
}

/** One text per policy, as it appears in comments: `GlobalNetworkPolicy/NAME`, `NetworkPolicy/NAMESPACE/NAME`. */
export function policyId(kind: string, namespace: string | undefined, name: string): string {
  return namespace === undefined ? `${kind}/${name}` : `${kind}/${namespace}/${name}`;
}

export function namespaceOf(policy: Policy): string | undefined {
  return policy.kind === 'GlobalNetworkPolicy' ? undefined : policy.metadata.namespace;
}

export function policyFacts(policy: Policy, id: string, number: number): PolicyFacts {
  const { kind, metadata, spec } = policy;
  return {
    id,
    number,
    policy,
    tier: spec.tier ?? DEFAULT_TIER,
    order: spec.order,
    tie: `${metadata.name}/${namespaceOf(policy) ?? ''}/${kind}`,
  };
}

/** Whether two versions of a policy stand at the same place of the same lists, whatever else is different. */
export function hasSamePlace(a: PolicyFacts, b: PolicyFacts): boolean {
  return a.tier === b.tier && a.order === b.order && isDeepStrictEqual(placeOf(a.policy), placeOf(b.policy));
}

/** What `endpoint-tiers.ts` looks at. */
function placeOf({ kind, spec }: Policy): readonly unknown[] {
  const { types } = spec;
  if (kind !== 'GlobalNetworkPolicy') return [types];
  const { doNotTrack, preDNAT, applyOnForward } = spec;
  return [types, doNotTrack, preDNAT, applyOnForward];
}
