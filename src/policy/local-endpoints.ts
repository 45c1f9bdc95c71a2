import { cidrText, parseAddress, parseCidr } from '../resources/address.js';
import type { FelixParameters } from '../resources/felix-parameters.js';
import type { HostEndpoint, Tier, WorkloadEndpoint } from '../resources/kinds.js';
import type { ActivePolicies } from './active-policies.js';
import { addressesOf } from './endpoint-item.js';
import type { EndpointTiers } from './endpoint-tiers.js';
import type { HostEndpointPolicy, Nat, WorkloadEndpointPolicy } from './host-policy.js';
import { compareText } from './policy-order.js';
import { qosLimits } from './qos-limits.js';
import { type HostInterfaces, isWorkloadInterface, resolveInterfaces } from './resolve-interfaces.js';

/** What the policy of local endpoints is made of. Endpoints are by the id under which `policies` knows them. */
export interface LocalEndpoints {
  readonly hostEndpoints: ReadonlyMap<string, HostEndpoint>;
  readonly workloadEndpoints: ReadonlyMap<string, WorkloadEndpoint>;
  readonly policies: ActivePolicies;
  readonly tiers: ReadonlyMap<string, Tier>;
  readonly interfaces: HostInterfaces;
  readonly parameters: FelixParameters;
}

/** The host endpoints of this node with their interfaces and policies, sorted by name. */
export function hostEndpointPolicies(local: LocalEndpoints): HostEndpointPolicy[] {
  const endpoints = [...local.hostEndpoints];
  const active = resolveInterfaces([...local.hostEndpoints.values()], local.interfaces, local.parameters);
  return endpoints
    .map(([id, { metadata, spec }]) => {
      const wildcard = spec.interfaceName === '*';
      const interfaces = active.get(metadata.name) ?? [];
      const tiers = local.policies.tiersOf(id, 'host', local.tiers);
      return {
        name: metadata.name,
        wildcard,
        interfaces,
        state: hostEndpointState(interfaces, local.interfaces),
        profiles: spec.profiles ?? [],
        ...(wildcard ? withoutUntracked(tiers) : tiers),
      };
    })
    .sort((a, b) => compareText(a.name, b.name));
}

/** A host endpoint for all interfaces has no untracked policy (docs.tigera.io, HostEndpoint). */
function withoutUntracked(tiers: EndpointTiers): EndpointTiers {
  return { ...tiers, untracked: [] };
}

function hostEndpointState(names: readonly string[], interfaces: HostInterfaces): HostEndpointPolicy['state'] {
  if (names.includes('*')) return 'up';
  const present = names.flatMap((name) => interfaces.get(name) ?? []);
  if (present.length === 0) return 'error';
  return present.every(({ up }) => up) ? 'up' : 'down';
}

/** The workload endpoints in force on this node, sorted by interface. */
export function workloadEndpointPolicies(local: LocalEndpoints): WorkloadEndpointPolicy[] {
  return [...byInterface(local).values()]
    .map(([id, { metadata, spec }]) => ({
      namespace: metadata.namespace,
      name: metadata.name,
      interface: spec.interfaceName,
      state: local.interfaces.get(spec.interfaceName)?.up ? ('up' as const) : ('down' as const),
      addresses: addressesOf(spec.ipNetworks ?? []),
      allowedSources: (spec.allowSpoofedSourcePrefixes ?? []).flatMap((net) => parseCidr(net) ?? []).map(cidrText),
      profiles: spec.profiles ?? [],
      normal: local.policies.tiersOf(id, 'workload', local.tiers).normal,
      limits: qosLimits(spec.qosControls ?? {}),
    }))
    .sort((a, b) => compareText(a.interface, b.interface));
}

/** The 1:1 NAT of the workload endpoints in force: only with `floatingIPs: Enabled`, or for OpenStack. */
export function nats(local: LocalEndpoints): Nat[] {
  const enabled = local.parameters.floatingIPs === 'Enabled';
  const mappings = [...byInterface(local).values()]
    .filter(([, { spec }]) => enabled || spec.orchestrator === 'openstack')
    .flatMap(([, { spec }]) =>
      (spec.ipNATs ?? []).flatMap(({ internalIP, externalIP }) => natOf(internalIP, externalIP)),
    )
    .sort((a, b) => compareText(a.external, b.external) || compareText(a.internal, b.internal));
  // Of several for one external address the smallest internal one counts, of several external addresses the smallest is seen.
  const byExternal = new Map(mappings.toReversed().map((nat) => [nat.external, nat]));
  const chosen = [...byExternal.values()].sort((a, b) => compareText(a.external, b.external));
  const seen = new Set<string>();
  return chosen.map((nat) => {
    const hairpin = !seen.has(nat.internal);
    seen.add(nat.internal);
    return { ...nat, hairpin };
  });
}

function natOf(internalIP: string, externalIP: string) {
  const internal = parseAddress(internalIP)?.text;
  const external = parseAddress(externalIP)?.text;
  return internal === undefined || external === undefined ? [] : [{ internal, external }];
}

/** Of several endpoints with one interface the one with the smallest identity is in force; others wait until it goes. */
function byInterface(local: LocalEndpoints): Map<string, readonly [string, WorkloadEndpoint]> {
  const chosen = new Map<string, readonly [string, WorkloadEndpoint]>();
  for (const entry of local.workloadEndpoints) {
    const [, endpoint] = entry;
    const name = endpoint.spec.interfaceName;
    if (!isWorkloadInterface(name, local.parameters)) continue;
    const other = chosen.get(name);
    if (!other || compareIdentity(endpoint, other[1]) < 0) chosen.set(name, entry);
  }
  return chosen;
}

function compareIdentity(a: WorkloadEndpoint, b: WorkloadEndpoint): number {
  const [left, right] = [identityOf(a), identityOf(b)];
  const different = left.findIndex((part, index) => part !== right[index]);
  return different === -1 ? 0 : compareText(left[different] ?? '', right[different] ?? '');
}

/** Orchestrator, workload and endpoint, as Calico identifies a workload endpoint on its node. */
function identityOf({ metadata, spec }: WorkloadEndpoint): readonly string[] {
  const { orchestrator = '', pod = '', containerID = '', workload = '', endpoint = '' } = spec;
  const workloads: Readonly<Record<string, string>> = {
    k8s: `${metadata.namespace}/${pod}`,
    cni: containerID,
    libnetwork: 'libnetwork',
  };
  return [orchestrator, workloads[orchestrator] ?? workload, endpoint];
}
