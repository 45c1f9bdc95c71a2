import { createHash } from 'node:crypto';
import type { Table } from '../nft/objects.js';
import { printTable } from '../nft/print.js';
import type { EndpointStatus, PolicyStatus, QuarantinedObject, RulesetStatus } from '../observe/status.js';
import type { Calculation } from '../policy/calculator.js';
import type { HostEndpointPolicy, TierPolicies } from '../policy/host-policy.js';
import type { PolicyState } from '../policy/policy-states.js';
import type { Admission } from './admission.js';

/** The endpoints of this node: host endpoints first. */
export function endpointStatuses({ hostPolicy }: Calculation): EndpointStatus[] {
  const policyName = (id: string) => {
    const policy = hostPolicy.policies.get(id);
    const path = policy?.namespace === undefined ? policy?.name : `${policy.namespace}/${policy.name}`;
    return policy ? `${policy.tier}.${path}` : id;
  };
  const names = (tiers: readonly TierPolicies[]) =>
    [...new Set(tiers.flatMap(({ ingress, egress }) => [...ingress, ...egress]))].map(policyName);
  return [
    ...hostPolicy.hostEndpoints.map(
      (endpoint): EndpointStatus => ({
        kind: 'HostEndpoint',
        name: endpoint.name,
        interfaces: endpoint.interfaces,
        state: endpoint.state,
        policies: names(tiersOf(endpoint)),
        profiles: endpoint.profiles,
      }),
    ),
    ...hostPolicy.workloadEndpoints.map(
      (endpoint): EndpointStatus => ({
        kind: 'WorkloadEndpoint',
        namespace: endpoint.namespace,
        name: endpoint.name,
        interfaces: [endpoint.interface],
        state: endpoint.state,
        policies: names(endpoint.normal),
        profiles: endpoint.profiles,
      }),
    ),
  ];
}

/** In the order in which a packet meets them. */
function tiersOf({ untracked, preDNAT, forward, normal }: HostEndpointPolicy): TierPolicies[] {
  return [...untracked, ...preDNAT, ...forward, ...normal];
}

export function policyStatuses(states: readonly PolicyState[]): PolicyStatus[] {
  return states.map(({ key, tier, state, reason }) => ({ ...key, tier, state, reason }));
}

/** Objects that are not used as they are in the datastore, and files and whole kinds (`*`) of which not even that can be told. */
export function quarantinedObjects(admission: Admission): QuarantinedObject[] {
  const objects = admission
    .quarantined()
    .map(({ file, line, ...object }): QuarantinedObject => ({ ...object, file: file ?? null, line: line ?? null }));
  const files = admission.problems().flatMap(({ file, kind, unreadable, problems }) =>
    problems
      .filter(({ key }) => key === undefined)
      .map(
        ({ line, issue }): QuarantinedObject => ({
          kind: kind ?? 'File',
          name: kind === undefined ? file : '*',
          file,
          line: issue.line ?? line ?? null,
          path: issue.path,
          code: issue.code,
          message: issue.message,
          inForce: unreadable ? 'last valid' : 'absent',
        }),
      ),
  );
  return [...objects, ...files];
}

/** The size of the ruleset in force. */
export function rulesetStatus(table: Table | undefined, driver: string): RulesetStatus {
  const count = (lists: readonly (readonly unknown[])[]) => lists.reduce((sum, list) => sum + list.length, 0);
  const { chains = [], sets = [], maps = [] } = table ?? {};
  return {
    hash: table ? rulesetHash(table) : null,
    chains: chains.length,
    rules: count(chains.map(({ rules }) => rules)),
    sets: sets.length + maps.length,
    elements: count([...sets, ...maps].map(({ elements }) => elements)),
    driver,
  };
}

/** The digest of the script that makes this table: what `sha256sum` says of the saved one. */
function rulesetHash(table: Table): string {
  return createHash('sha256').update(printTable(table).text).digest('hex');
}
