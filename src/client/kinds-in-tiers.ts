import type { Kind } from '../resources/kinds.js';

/** The kinds whose objects belong to a tier, which `spec.tier` names. */
export const kindsInTiers: readonly Kind[] = [
  'NetworkPolicy',
  'GlobalNetworkPolicy',
  'StagedNetworkPolicy',
  'StagedGlobalNetworkPolicy',
];

export function belongsToTier(kind: Kind): boolean {
  return kindsInTiers.includes(kind);
}
