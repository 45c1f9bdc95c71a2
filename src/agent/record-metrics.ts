import type { Table } from '../nft/objects.js';
import type { Metrics } from '../observe/metrics.js';
import type { Status } from '../observe/status.js';
import { policyStates } from '../observe/status.js';
import type { Calculation, PolicyCalculator } from '../policy/calculator.js';

/** Brings the gauges up to date. */
export function recordMetrics(
  metrics: Metrics,
  status: Status,
  enforced: Table | undefined,
  { hostPolicy }: Calculation,
  calculator: PolicyCalculator,
): void {
  metrics.activeLocalEndpoints.set(status.endpoints.length);
  metrics.activeLocalPolicies.set(status.policies.filter(({ state }) => state === 'enforced').length);
  metrics.activeLocalSelectors.set(hostPolicy.sets.size);
  metrics.clusterHostEndpoints.set(calculator.count('HostEndpoint'));
  metrics.clusterWorkloadEndpoints.set(calculator.count('WorkloadEndpoint'));
  metrics.clusterTiers.set(calculator.count('Tier'));
  metrics.clusterPolicies.set(
    calculator.count('GlobalNetworkPolicy') +
      calculator.count('NetworkPolicy') +
      calculator.count('KubernetesNetworkPolicy'),
  );
  metrics.clusterProfiles.set(calculator.count('Profile'));
  const { connected, reason } = status.datastore;
  metrics.resyncState.set(status.inSync ? 3 : connected && reason === null ? 2 : 1);
  metrics.inputGeneration.set(status.input);
  metrics.enforcedGeneration.set(status.enforced);
  metrics.ready.set(status.ready ? 1 : 0);
  if (status.lastApply) metrics.lastApplyTimestamp.set(Date.parse(status.lastApply.at) / 1000);
  metrics.nftChains.set(status.ruleset.chains, { ip_version: 'inet' });
  metrics.nftRules.set(status.ruleset.rules, { ip_version: 'inet' });
  metrics.nftSets.set(enforced?.sets.length ?? 0, { ip_version: 'inet' });
  metrics.nftMaps.set(enforced?.maps.length ?? 0);
  metrics.quarantinedObjects.replace(countBy(status.quarantined.map(({ kind }) => kind)));
  const none = Object.fromEntries(policyStates.map((state) => [state, 0]));
  metrics.policies.replace({ ...none, ...countBy(status.policies.map(({ state }) => state)) });
}

function countBy(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
