import type { PolicyRules, ProfileRules } from '../policy/host-policy.js';

const SHORT_KIND: Readonly<Record<string, string>> = {
  GlobalNetworkPolicy: 'gnp',
  NetworkPolicy: 'np',
  KubernetesNetworkPolicy: 'knp',
  KubernetesClusterNetworkPolicy: 'kcnp',
};

/** `LogPrefix` with its placeholders replaced: %t tier, %k kind, %n name, %p namespace/name (docs.tigera.io, felixconfig). */
export function logPrefixOf(logPrefix: string, owner: PolicyRules | ProfileRules): string {
  const policy = 'kind' in owner ? owner : undefined;
  const values: Readonly<Record<string, string>> = {
    t: policy?.tier ?? '',
    k: policy ? (SHORT_KIND[policy.kind] ?? policy.kind) : 'pro',
    n: owner.name,
    p: policy?.namespace === undefined ? owner.name : `${policy.namespace}/${owner.name}`,
  };
  return logPrefix.replace(/%([tknp])/g, (_, placeholder: string) => values[placeholder] ?? '');
}
