import type { Kind } from '../../resources/kinds.js';
import type { CalicoGroup } from './calico-group.js';
import { endpointSlice } from './conversion/endpoint-slice.js';
import { kubernetesNetworkPolicy } from './conversion/network-policy.js';
import { calicoNode } from './conversion/node.js';
import { type PodOptions, podToWorkloadEndpoint } from './conversion/pod.js';
import { namespaceToProfile, serviceAccountToProfile } from './conversion/profile.js';
import { calicoPlace, nativePlace, type Place } from './place.js';

/** A kind of objects that policy is made of. */
export interface FollowedKind {
  /** For messages: the plural. */
  readonly name: string;
  /** Which kinds of Calico come out of it. */
  readonly kind: string;
  /** Where it may be; the first one that the server knows counts. `fresh`: what was said last has turned out to be wrong. */
  places(fresh: boolean): Promise<readonly Place[]>;
}

/** What says whether the rest may be used. */
export const readinessKind = 'ClusterInformation';

const calicoKinds: readonly Kind[] = [
  readinessKind,
  'FelixConfiguration',
  'Tier',
  'GlobalNetworkPolicy',
  'NetworkPolicy',
  'StagedGlobalNetworkPolicy',
  'StagedNetworkPolicy',
  'StagedKubernetesNetworkPolicy',
  'GlobalNetworkSet',
  'NetworkSet',
  'HostEndpoint',
];

/** All of them; ClusterInformation comes first. */
export function followedKinds(group: CalicoGroup, pods: PodOptions): readonly FollowedKind[] {
  return [
    ...calicoKinds.map((kind) => ({
      name: kind,
      kind,
      places: async (fresh: boolean) => [calicoPlace(kind, await group.current(fresh))],
    })),
    native('Node', nativePlace('/api/v1/nodes', calicoNode)),
    native('Profile', nativePlace('/api/v1/namespaces', namespaceToProfile)),
    native('Profile', nativePlace('/api/v1/serviceaccounts', serviceAccountToProfile)),
    native(
      'WorkloadEndpoint',
      nativePlace('/api/v1/pods', (pod) => podToWorkloadEndpoint(pod, pods)),
    ),
    native(
      'KubernetesNetworkPolicy',
      nativePlace('/apis/networking.k8s.io/v1/networkpolicies', kubernetesNetworkPolicy),
    ),
    native(
      'EndpointSlice',
      nativePlace('/apis/discovery.k8s.io/v1/endpointslices', endpointSlice),
      nativePlace('/apis/discovery.k8s.io/v1beta1/endpointslices', endpointSlice),
    ),
  ];
}

function native(kind: string, ...places: readonly [Place, ...Place[]]): FollowedKind {
  return { name: places[0].resource, kind, places: async () => places };
}
