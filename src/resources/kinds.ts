import type * as z from 'zod';
import { type ClusterInformation, clusterInformation } from './cluster-information.js';
import { type EndpointSlice, endpointSlice } from './endpoint-slice.js';
import { type FelixConfiguration, felixConfiguration } from './felix-configuration.js';
import { type HostEndpoint, hostEndpoint } from './host-endpoint.js';
import { type GlobalNetworkSet, globalNetworkSet, type NetworkSet, networkSet } from './network-set.js';
import { type Node, node } from './node.js';
import {
  type GlobalNetworkPolicy,
  globalNetworkPolicy,
  type KubernetesNetworkPolicy,
  kubernetesNetworkPolicy,
  type NetworkPolicy,
  networkPolicy,
  type StagedGlobalNetworkPolicy,
  type StagedNetworkPolicy,
  stagedGlobalNetworkPolicy,
  stagedNetworkPolicy,
} from './policy.js';
import { type Profile, profile } from './profile.js';
import {
  type StagedKubernetesNetworkPolicy,
  stagedKubernetesNetworkPolicy,
} from './staged-kubernetes-network-policy.js';
import { type Tier, tier } from './tier.js';
import { type WorkloadEndpoint, workloadEndpoint } from './workload-endpoint.js';

export type { EndpointPort, WorkloadEndpointPort } from './endpoint-port.js';
export type { Action, EntityRule, HttpMatch, IcmpMatch, Rule } from './rule.js';
export type {
  ClusterInformation,
  EndpointSlice,
  FelixConfiguration,
  GlobalNetworkPolicy,
  GlobalNetworkSet,
  HostEndpoint,
  KubernetesNetworkPolicy,
  NetworkPolicy,
  NetworkSet,
  Node,
  Profile,
  StagedGlobalNetworkPolicy,
  StagedKubernetesNetworkPolicy,
  StagedNetworkPolicy,
  Tier,
  WorkloadEndpoint,
};

type UserResource =
  | HostEndpoint
  | WorkloadEndpoint
  | Profile
  | GlobalNetworkPolicy
  | NetworkPolicy
  | StagedNetworkPolicy
  | StagedGlobalNetworkPolicy
  | StagedKubernetesNetworkPolicy
  | Tier
  | NetworkSet
  | GlobalNetworkSet
  | FelixConfiguration
  | Node
  | ClusterInformation;

/** What a datastore makes of objects of Kubernetes that are no resources of Calico. */
type DerivedResource = KubernetesNetworkPolicy | EndpointSlice;

/** A valid resource of a kind that Margay handles, told apart by `kind`. */
export type Resource = UserResource | DerivedResource;

/** A kind that users write, name and read. */
export type Kind = UserResource['kind'];
export type DerivedKind = DerivedResource['kind'];

/** What reading an object takes. */
export interface ReadableKind {
  readonly kind: Kind | DerivedKind;
  readonly schema: z.ZodType<Resource>;
  readonly namespaced: boolean;
}

export interface KindDefinition extends ReadableKind {
  readonly kind: Kind;
  /** Lower case: the segment of etcd keys and the name of the Kubernetes resource. */
  readonly plural: string;
  /** What calicoctl takes besides the kind and its plural, lower case. */
  readonly shortNames: readonly string[];
}

/** The kinds of resources that users write; everything else that needs a list of them takes it from here. */
export const kinds: { readonly [K in Kind]: KindDefinition & { readonly kind: K } } = {
  HostEndpoint: define('HostEndpoint', hostEndpoint, 'cluster', 'hostendpoints', ['hep', 'heps']),
  WorkloadEndpoint: define('WorkloadEndpoint', workloadEndpoint, 'namespaced', 'workloadendpoints', ['wep', 'weps']),
  Profile: define('Profile', profile, 'cluster', 'profiles', ['pro', 'pros']),
  GlobalNetworkPolicy: define('GlobalNetworkPolicy', globalNetworkPolicy, 'cluster', 'globalnetworkpolicies', [
    'gnp',
    'gnps',
    'cgnp',
  ]),
  NetworkPolicy: define('NetworkPolicy', networkPolicy, 'namespaced', 'networkpolicies', [
    'np',
    'nps',
    'cnp',
    'policy',
    'policies',
    'pol',
    'pols',
  ]),
  StagedNetworkPolicy: define('StagedNetworkPolicy', stagedNetworkPolicy, 'namespaced', 'stagednetworkpolicies', [
    'snp',
    'snps',
    'scnp',
    'stagedpolicy',
    'stagedpolicies',
    'spol',
    'spols',
  ]),
  StagedGlobalNetworkPolicy: define(
    'StagedGlobalNetworkPolicy',
    stagedGlobalNetworkPolicy,
    'cluster',
    'stagedglobalnetworkpolicies',
    ['sgnp', 'sgnps'],
  ),
  StagedKubernetesNetworkPolicy: define(
    'StagedKubernetesNetworkPolicy',
    stagedKubernetesNetworkPolicy,
    'namespaced',
    'stagedkubernetesnetworkpolicies',
    ['sknp', 'sknps', 'stagedkubernetespolicy', 'stagedkubernetespolicies', 'skpol', 'skpols'],
  ),
  Tier: define('Tier', tier, 'cluster', 'tiers', []),
  NetworkSet: define('NetworkSet', networkSet, 'namespaced', 'networksets', ['ns', 'netset', 'netsets']),
  GlobalNetworkSet: define('GlobalNetworkSet', globalNetworkSet, 'cluster', 'globalnetworksets', [
    'gns',
    'gnetsets',
    'globalnetset',
    'globalnetsets',
  ]),
  FelixConfiguration: define('FelixConfiguration', felixConfiguration, 'cluster', 'felixconfigurations', [
    'felixconfig',
    'felixconfigs',
    'fc',
  ]),
  Node: define('Node', node, 'cluster', 'nodes', ['no', 'nos']),
  ClusterInformation: define('ClusterInformation', clusterInformation, 'cluster', 'clusterinformations', [
    'clusterinfo',
    'clusterinfos',
  ]),
};

/** The kinds that only a datastore yields: unknown in files and to commands. */
export const derivedKinds: { readonly [K in DerivedKind]: ReadableKind & { readonly kind: K } } = {
  KubernetesNetworkPolicy: { kind: 'KubernetesNetworkPolicy', schema: kubernetesNetworkPolicy, namespaced: true },
  EndpointSlice: { kind: 'EndpointSlice', schema: endpointSlice, namespaced: true },
};

const byName = new Map(
  Object.values(kinds).flatMap((definition) =>
    [definition.kind.toLowerCase(), definition.plural, ...definition.shortNames].map(
      (name) => [name, definition] as const,
    ),
  ),
);

/** The kind of exactly this spelling, as in the field `kind`. */
export function kindOf(kind: string): KindDefinition | undefined {
  return Object.hasOwn(kinds, kind) ? kinds[kind as Kind] : undefined;
}

/** As `kindOf`, for kinds that only a datastore yields. */
export function derivedKindOf(kind: string): ReadableKind | undefined {
  return Object.hasOwn(derivedKinds, kind) ? derivedKinds[kind as DerivedKind] : undefined;
}

/** The kind that a user means: its name in any letter case, its plural or one of calicoctl's short names. */
export function kindNamed(name: string): KindDefinition | undefined {
  return byName.get(name.toLowerCase());
}

function define<K extends Kind>(
  kind: K,
  schema: z.ZodType<Resource>,
  scope: 'cluster' | 'namespaced',
  plural: string,
  shortNames: readonly string[],
): KindDefinition & { readonly kind: K } {
  return { kind, schema, namespaced: scope === 'namespaced', plural, shortNames };
}
