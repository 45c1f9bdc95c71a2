import { type Kind, kindOf, kinds } from '../../../resources/kinds.js';
import type { ObjectKey } from '../../../resources/resource.js';
import { asStoredObject } from '../../as-stored-object.js';
import type { StoredObject } from '../../store.js';
import type { Conversion } from '../conversion/conversion.js';
import { mapIn, type Native, present } from '../conversion/native.js';
import { calicoNode } from '../conversion/node.js';
import { podToListedEndpoint } from '../conversion/pod.js';
import { namespaceToProfile, profileOrigin, serviceAccountToProfile } from '../conversion/profile.js';
import { type ApiGroup, mayClash } from '../conversion/stored-metadata.js';
import { workloadEndpointParts } from '../conversion/workload-endpoint-parts.js';
import { calicoPlace, nativePlace, type Place } from '../place.js';
import { versionOf } from '../resource-version.js';

/** Where the objects of a kind of Calico are; profiles are in two places. */
export interface StorePart {
  readonly place: Place;
  /** Whether the objects there are in namespaces. */
  readonly namespaced: boolean;
  /** The objects there that may be that one, the likeliest first. */
  candidates(key: ObjectKey): readonly NativeKey[];
}

export interface NativeKey {
  readonly namespace?: string;
  readonly name: string;
}

/** Why a kind can only be read; undefined for one that is kept as it is written. */
export const readOnlyBecause: { readonly [K in Kind]?: string } = {
  WorkloadEndpoint: 'it is made of a pod; change that',
  Profile: 'it is made of a namespace or a service account; change that',
  Node: 'it is made of a node of Kubernetes; change that',
};

export function storeParts(kind: Kind, group: ApiGroup, interfacePrefix: string): readonly StorePart[] {
  switch (kind) {
    case 'WorkloadEndpoint':
      return [
        {
          place: nativePlace('/api/v1/pods', (pod) => podToListedEndpoint(pod, { interfacePrefix })),
          namespaced: true,
          candidates: ({ namespace, name }) => inNamespace(namespace, workloadEndpointParts(name)?.workload),
        },
      ];
    case 'Profile':
      return [
        {
          place: nativePlace('/api/v1/namespaces', namespaceToProfile),
          namespaced: false,
          candidates({ name }) {
            const origin = profileOrigin(name);
            return origin === undefined || origin.serviceAccount !== undefined ? [] : [{ name: origin.namespace }];
          },
        },
        {
          place: nativePlace('/api/v1/serviceaccounts', serviceAccountToProfile),
          namespaced: true,
          candidates({ name }) {
            const origin = profileOrigin(name);
            return inNamespace(origin?.namespace, origin?.serviceAccount);
          },
        },
      ];
    case 'Node':
      return [
        { place: nativePlace('/api/v1/nodes', calicoNode), namespaced: false, candidates: ({ name }) => [{ name }] },
      ];
    default:
      return [calicoPart(kind, group)];
  }
}

/** Where the objects are that `place` has of the namespace, or of all; with a name, where that one is. */
export function nativePath({ place, namespaced }: StorePart, { namespace, name }: Partial<NativeKey>): string {
  const [, prefix = '', plural = ''] = /^(.*)\/([^/]+)$/.exec(place.path) ?? [];
  const within = namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${prefix}${within}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}

/** As Calico's client would show it; undefined for what is no object of Calico. */
export function storedObject(native: Native, { place }: StorePart): StoredObject | undefined {
  const conversion: Conversion = place.convert(native);
  if (conversion.is === 'nothing') return undefined;
  if (conversion.is === 'invalid' && isReadOnly(conversion.key.kind)) return undefined;
  // One that can't be read must still be seen, to be mended.
  const value: Native =
    conversion.is === 'object' ? Object(conversion.value) : { ...native, ...typeOf(conversion.key) };
  const { managedFields: _, selfLink: __, generation: ___, ...metadata } = mapIn(value, 'metadata');
  const version = versionOf(native);
  return asStoredObject({ ...value, metadata: present({ ...metadata, resourceVersion: version }) });
}

function calicoPart(kind: Kind, group: ApiGroup): StorePart {
  return {
    place: calicoPlace(kind, group),
    namespaced: kinds[kind].namespaced,
    candidates({ namespace, name }) {
      const within = namespace === undefined ? {} : { namespace };
      const own = { ...within, name };
      // Older clients stored it with its tier before its name.
      return mayClash(kind, group) ? [own, { ...within, name: `default.${name}` }] : [own];
    },
  };
}

/** What is wrong with them can only be mended where they come from. */
function isReadOnly(kind: string): boolean {
  const known = kindOf(kind);
  return known !== undefined && readOnlyBecause[known.kind] !== undefined;
}

function inNamespace(namespace: string | undefined, name: string | undefined): readonly NativeKey[] {
  return namespace === undefined || name === undefined ? [] : [{ namespace, name }];
}

function typeOf({ kind }: ObjectKey): Native {
  return { apiVersion: 'projectcalico.org/v3', kind };
}
