import { type FelixParameters, resolveFelixParameters } from '../resources/felix-parameters.js';
import { keyOf } from '../resources/key-of.js';
import type {
  FelixConfiguration,
  GlobalNetworkSet,
  HostEndpoint,
  NetworkSet,
  Profile,
  Resource,
  Tier,
  WorkloadEndpoint,
} from '../resources/kinds.js';
import { type Issue, keyText, type ObjectKey } from '../resources/resource.js';
import { matches } from '../selector/matches.js';
import { parseSelector } from '../selector/parse-selector.js';
import { activePolicies } from './active-policies.js';
import { hostEndpointItem, networkSetItem, type SelectableItem, workloadEndpointItem } from './endpoint-item.js';
import type { HostPolicy } from './host-policy.js';
import { hostEndpointPolicies, type LocalEndpoints, nats, workloadEndpointPolicies } from './local-endpoints.js';
import { memberIndex } from './member-index.js';
import { type Notice, noticesOf } from './notices.js';
import { type Policy, policyId } from './policy-facts.js';
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
  count(kind: ResourceKind): number;
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

/** What a resource of a kind changes, and what its end does. */
interface Handler<R extends Resource> {
  set(id: string, resource: R): void;
  remove(id: string, key: ObjectKey): void;
}

type ResourceKind = Resource['kind'];

type Handlers = { readonly [K in ResourceKind]: Handler<Extract<Resource, { readonly kind: K }>> };

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
  /** Grows whenever something has changed that local endpoints are made of, but for the policies that select them. */
  let version = 0;
  let last: { readonly stamp: string; readonly calculation: Calculation } | undefined;

  const setEndpoint = (id: string, node: string | undefined, item: SelectableItem): boolean => {
    members.setItem(id, item.labels, item.parents, item.contribution);
    const isLocal = node === options.node;
    if (isLocal || isLocalEndpoint(id)) version++;
    if (isLocal) active.setEndpoint(id, item.labels, item.parents);
    else active.removeEndpoint(id);
    return isLocal;
  };

  const isLocalEndpoint = (id: string): boolean => hostEndpoints.has(id) || workloadEndpoints.has(id);

  const removeEndpoint = (id: string): void => {
    if (isLocalEndpoint(id)) version++;
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
    if (item.contribution.nets.length === 0) removeEndpoint(id);
    else if (setEndpoint(id, endpoint.spec.node, item)) workloadEndpoints.set(id, endpoint);
    else workloadEndpoints.delete(id);
  };

  const setNodeLabels = (name: string, labels: Readonly<Record<string, string>>): void => {
    if (name !== options.node) return;
    nodeLabels = labels;
    refreshParameters();
  };

  const refreshParameters = (): void => {
    parameters = resolveParameters(options, configurations, nodeLabels, parameters.parameters);
    version++;
  };

  const endpoints = { remove: removeEndpoint };
  const sets = {
    set: (id: string, resource: NetworkSet | GlobalNetworkSet) => {
      const item = networkSetItem(resource);
      members.setItem(id, item.labels, item.parents, item.contribution);
    },
    remove: members.removeItem,
  };
  const policies = {
    set: (_: string, policy: Policy) => active.setPolicy(policy),
    remove: (_: string, { kind, namespace, name }: ObjectKey) => active.removePolicy(policyId(kind, namespace, name)),
  };
  const stagedPolicies = {
    set: (id: string, resource: Resource & { readonly spec: { readonly tier?: string | undefined } }) => {
      staged.set(id, { key: keyOf(resource), tier: resource.spec.tier });
    },
    remove: (id: string) => void staged.delete(id),
  };

  const handlers: Handlers = {
    HostEndpoint: { ...endpoints, set: setHostEndpoint },
    WorkloadEndpoint: { ...endpoints, set: setWorkloadEndpoint },
    NetworkSet: sets,
    GlobalNetworkSet: sets,
    NetworkPolicy: policies,
    GlobalNetworkPolicy: policies,
    KubernetesNetworkPolicy: policies,
    StagedNetworkPolicy: stagedPolicies,
    StagedGlobalNetworkPolicy: stagedPolicies,
    StagedKubernetesNetworkPolicy: stagedPolicies,
    Profile: {
      set: (_, profile) => setProfile(profile),
      remove: (_, { name }) => {
        active.removeProfile(name);
        members.setParent(name, undefined);
      },
    },
    Tier: {
      set: (_, tier) => {
        tiers.set(tier.metadata.name, tier);
        version++;
      },
      remove: (_, { name }) => {
        version++;
        const initial = initialTiers.get(name);
        if (initial) tiers.set(name, initial);
        else tiers.delete(name);
      },
    },
    FelixConfiguration: {
      set: (_, configuration) => {
        configurations.set(configuration.metadata.name, configuration);
        refreshParameters();
      },
      remove: (_, { name }) => {
        configurations.delete(name);
        refreshParameters();
      },
    },
    Node: {
      set: (_, { metadata }) => setNodeLabels(metadata.name, metadata.labels ?? {}),
      remove: (_, { name }) => setNodeLabels(name, {}),
    },
    EndpointSlice: { set: members.setSlice, remove: members.removeSlice },
    // It tells whether the datastore may be used; it has no part in policy.
    ClusterInformation: { set: () => undefined, remove: () => undefined },
  };

  for (const profile of options.builtinProfiles) setProfile(profile);

  return {
    upsert(resource) {
      const key = keyOf(resource);
      const id = keyText(key);
      ids.set(key.kind, (ids.get(key.kind) ?? new Set()).add(id));
      // The resource is of the kind that the handler is for; TypeScript can't tell.
      (handlers[resource.kind] as Handler<Resource>).set(id, resource);
    },
    remove(key) {
      const id = keyText(key);
      if (ids.get(key.kind)?.delete(id)) handlers[key.kind as ResourceKind].remove(id, key);
    },
    setInterfaces(current) {
      interfaces = current;
      version++;
    },
    calculate() {
      const stamp = `${version} ${active.selections}`;
      const before = last?.stamp === stamp ? last.calculation : undefined;
      const { policies, profiles } = active;
      if (before && before.hostPolicy.policies === policies && before.hostPolicy.profiles === profiles) return before;
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
        hostEndpoints: before?.hostPolicy.hostEndpoints ?? hostEndpointPolicies(local),
        workloadEndpoints: before?.hostPolicy.workloadEndpoints ?? workloadEndpointPolicies(local),
        nats: before?.hostPolicy.nats ?? nats(local),
        policies,
        profiles,
        sets: members.sets,
      };
      const calculation = {
        hostPolicy,
        parameters: parameters.parameters,
        notices: noticesOf(local, workloadEndpoints, hostPolicy),
        parameterIssues: [...parameters.errors, ...parameters.warnings],
      };
      last = { stamp, calculation };
      return calculation;
    },
    policyStates: (hostPolicy) => policyStates(active.all.values(), staged.values(), hostPolicy),
    count: (kind) => ids.get(kind)?.size ?? 0,
  };
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
