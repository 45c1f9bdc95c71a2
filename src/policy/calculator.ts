import { type FelixParameters, resolveFelixParameters } from '../resources/felix-parameters.js';
import type {
  FelixConfiguration,
  HostEndpoint,
  Kind,
  Profile,
  Resource,
  Tier,
  WorkloadEndpoint,
} from '../resources/kinds.js';
import { type Issue, keyText, type ObjectKey } from '../resources/resource.js';
import { matches } from '../selector/matches.js';
import { parseSelector } from '../selector/parse-selector.js';
import { activePolicies, policyId } from './active-policies.js';
import { hostEndpointItem, networkSetItem, type SelectableItem, workloadEndpointItem } from './endpoint-item.js';
import type { HostPolicy } from './host-policy.js';
import { hostEndpointPolicies, type LocalEndpoints, nats, workloadEndpointPolicies } from './local-endpoints.js';
import { memberIndex } from './member-index.js';
import { type Notice, noticesOf } from './notices.js';
import { type PolicyState, policyStates, type StagedPolicy } from './policy-states.js';
import type { HostInterfaces } from './resolve-interfaces.js';

export interface Calculation {
  readonly hostPolicy: HostPolicy;
  readonly parameters: FelixParameters;
  /** What is valid and yet has no, or not all, of its effect here. */
  readonly notices: readonly Notice[];
  /** Parameters of FelixConfiguration or `FELIX_*` that could not be used. */
  readonly parameterIssues: readonly Issue[];
}

/**
 * From the resources of the cluster and the interfaces of the host to its policy, change by change. Nothing here does input or
 * output; the order of changes to different objects does not matter.
 */
export interface PolicyCalculator {
  /** A valid resource, new or changed. */
  upsert(resource: Resource): void;
  remove(key: ObjectKey): void;
  setInterfaces(interfaces: HostInterfaces): void;
  calculate(): Calculation;
  /** What became of each policy of the cluster, given what was calculated. */
  policyStates(hostPolicy: HostPolicy): PolicyState[];
  /** How many objects of a kind the cluster has. */
  count(kind: Kind): number;
}

export interface CalculatorOptions {
  readonly node: string;
  /** Its `FELIX_*` variables count. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Profiles that no datastore holds. */
  readonly builtinProfiles: readonly Profile[];
  /** Tiers that exist unless the datastore has others of their names. */
  readonly initialTiers: readonly Tier[];
}

export function policyCalculator(options: CalculatorOptions): PolicyCalculator {
  const members = memberIndex();
  const active = activePolicies(members);
  const ids = new Map<string, Set<string>>();
  const initialTiers = new Map(options.initialTiers.map((tier) => [tier.metadata.name, tier]));
  const tiers = new Map(initialTiers);
  const configurations = new Map<string, FelixConfiguration>();
  const hostEndpoints = new Map<string, HostEndpoint>();
  const workloadEndpoints = new Map<string, WorkloadEndpoint>();
  const staged = new Map<string, StagedPolicy>();
  let nodeLabels: Readonly<Record<string, string>> = {};
  let interfaces: HostInterfaces = new Map();
  let parameters = resolveParameters(options, configurations, nodeLabels, undefined);

  const setEndpoint = (id: string, node: string | undefined, item: SelectableItem): boolean => {
    members.setItem(id, item.labels, item.parents, item.contribution);
    const isLocal = node === options.node;
    if (isLocal) active.setEndpoint(id, item.labels, item.parents);
    else active.removeEndpoint(id);
    return isLocal;
  };

  const removeEndpoint = (id: string): void => {
    members.removeItem(id);
    active.removeEndpoint(id);
    hostEndpoints.delete(id);
    workloadEndpoints.delete(id);
  };

  const setProfile = (profile: Profile): void => {
    active.setProfile(profile);
    members.setParent(profile.metadata.name, profile.spec.labelsToApply ?? {});
  };

  const setHostEndpoint = (id: string, endpoint: HostEndpoint): void => {
    if (setEndpoint(id, endpoint.spec.node, hostEndpointItem(endpoint))) hostEndpoints.set(id, endpoint);
    else hostEndpoints.delete(id);
  };

  /** An endpoint without addresses does not exist for Calico: its interface is an unknown one, which is denied. */
  const setWorkloadEndpoint = (id: string, endpoint: WorkloadEndpoint): void => {
    const item = workloadEndpointItem(endpoint);
    if (item.contribution.nets.length === 0) return removeEndpoint(id);
    if (setEndpoint(id, endpoint.spec.node, item)) workloadEndpoints.set(id, endpoint);
    else workloadEndpoints.delete(id);
  };

  const refreshParameters = (): void => {
    parameters = resolveParameters(options, configurations, nodeLabels, parameters.parameters);
  };

  const upsert = (id: string, resource: Resource): void => {
    const { name } = resource.metadata;
    switch (resource.kind) {
      case 'HostEndpoint':
        return setHostEndpoint(id, resource);
      case 'WorkloadEndpoint':
        return setWorkloadEndpoint(id, resource);
      case 'NetworkSet':
      case 'GlobalNetworkSet': {
        const item = networkSetItem(resource);
        return members.setItem(id, item.labels, item.parents, item.contribution);
      }
      case 'NetworkPolicy':
      case 'GlobalNetworkPolicy':
        return active.setPolicy(resource);
      case 'StagedNetworkPolicy':
      case 'StagedGlobalNetworkPolicy':
        staged.set(id, { key: keyOf(resource), tier: resource.spec.tier });
        return;
      case 'StagedKubernetesNetworkPolicy':
        staged.set(id, { key: keyOf(resource), tier: undefined });
        return;
      case 'Profile':
        return setProfile(resource);
      case 'Tier':
        tiers.set(name, resource);
        return;
      case 'FelixConfiguration':
        configurations.set(name, resource);
        return refreshParameters();
      case 'Node':
        if (name === options.node) nodeLabels = resource.metadata.labels ?? {};
        return refreshParameters();
    }
  };

  const remove = (id: string, { kind, namespace, name }: ObjectKey): void => {
    switch (kind as Kind) {
      case 'HostEndpoint':
      case 'WorkloadEndpoint':
        return removeEndpoint(id);
      case 'NetworkSet':
      case 'GlobalNetworkSet':
        return members.removeItem(id);
      case 'NetworkPolicy':
      case 'GlobalNetworkPolicy':
        return active.removePolicy(policyId(kind, namespace, name));
      case 'StagedNetworkPolicy':
      case 'StagedGlobalNetworkPolicy':
      case 'StagedKubernetesNetworkPolicy':
        staged.delete(id);
        return;
      case 'Profile':
        active.removeProfile(name);
        return members.setParent(name, undefined);
      case 'Tier': {
        const initial = initialTiers.get(name);
        if (initial) tiers.set(name, initial);
        else tiers.delete(name);
        return;
      }
      case 'FelixConfiguration':
        configurations.delete(name);
        return refreshParameters();
      case 'Node':
        if (name === options.node) nodeLabels = {};
        return refreshParameters();
    }
  };

  for (const profile of options.builtinProfiles) setProfile(profile);

  return {
    upsert(resource) {
      const key = keyOf(resource);
      const id = keyText(key);
      ids.set(key.kind, (ids.get(key.kind) ?? new Set()).add(id));
      upsert(id, resource);
    },
    remove(key) {
      const id = keyText(key);
      if (ids.get(key.kind)?.delete(id)) remove(id, key);
    },
    setInterfaces(current) {
      interfaces = current;
    },
    calculate() {
      const local: LocalEndpoints = {
        hostEndpoints,
        workloadEndpoints: inForce(workloadEndpoints, parameters.parameters),
        policies: active,
        tiers,
        interfaces,
        parameters: parameters.parameters,
      };
      const hostPolicy: HostPolicy = {
        node: options.node,
        parameters: parameters.parameters,
        hostEndpoints: hostEndpointPolicies(local),
        workloadEndpoints: workloadEndpointPolicies(local),
        nats: nats(local),
        policies: active.policies,
        profiles: active.profiles,
        sets: members.sets,
      };
      return {
        hostPolicy,
        parameters: parameters.parameters,
        notices: noticesOf(local, workloadEndpoints, hostPolicy),
        parameterIssues: [...parameters.errors, ...parameters.warnings],
      };
    },
    policyStates: (hostPolicy) =>
      policyStates(active.all.values(), staged.values(), hostPolicy, (id) => active.policies.has(id)),
    count: (kind) => ids.get(kind)?.size ?? 0,
  };
}

function keyOf({ kind, metadata: { namespace, name } }: Resource): ObjectKey {
  return namespace === undefined ? { kind, name } : { kind, namespace, name };
}

/** Calico takes no endpoint that wants to spoof sources where the configuration does not let it: its interface stays closed. */
function inForce(
  endpoints: ReadonlyMap<string, WorkloadEndpoint>,
  { workloadSourceSpoofing }: FelixParameters,
): ReadonlyMap<string, WorkloadEndpoint> {
  if (workloadSourceSpoofing === 'Any') return endpoints;
  return new Map([...endpoints].filter(([, { spec }]) => (spec.allowSpoofedSourcePrefixes ?? []).length === 0));
}

function resolveParameters(
  { node, environment }: CalculatorOptions,
  configurations: ReadonlyMap<string, FelixConfiguration>,
  nodeLabels: Readonly<Record<string, string>>,
  previous: FelixParameters | undefined,
) {
  return resolveFelixParameters({
    ...(previous ? { previous } : {}),
    environment,
    configurations: [...configurations.values()],
    node,
    nodeLabels,
    selects: (selector, labels) => {
      const parsed = parseSelector(selector);
      return parsed.ok && matches(parsed.selector, { get: (label) => labels[label] });
    },
  });
}
