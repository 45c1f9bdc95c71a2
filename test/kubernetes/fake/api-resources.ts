import { listIn, mapIn, type Native, textIn } from '../../../src/datastore/kubernetes/conversion/native.js';
import { isMap } from '../../../src/resources/normalise.js';
import type { OpenApiSchema } from '../open-api-schema.js';

/** What the server knows about a resource. */
export interface ApiResource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Of a custom resource. */
  readonly schema?: OpenApiSchema;
}

/** A path of the API. */
export interface Target {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

export const builtIn: readonly ApiResource[] = [
  { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true },
  { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false },
  { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true },
  { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false },
  { group: 'networking.k8s.io', version: 'v1', plural: 'networkpolicies', kind: 'NetworkPolicy', namespaced: true },
  { group: 'discovery.k8s.io', version: 'v1beta1', plural: 'endpointslices', kind: 'EndpointSlice', namespaced: true },
  {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    plural: 'customresourcedefinitions',
    kind: 'CustomResourceDefinition',
    namespaced: false,
  },
];

/** What a CustomResourceDefinition adds. */
export function definedResource(definition: Native): ApiResource {
  const spec = mapIn(definition, 'spec');
  const version = listIn(spec, 'versions')[0];
  const schema = mapIn(mapIn(version, 'schema'), 'openAPIV3Schema');
  return {
    group: textIn(spec, 'group') ?? '',
    version: textIn(version, 'name') ?? '',
    plural: textIn(mapIn(spec, 'names'), 'plural') ?? '',
    kind: textIn(mapIn(spec, 'names'), 'kind') ?? '',
    namespaced: spec.scope === 'Namespaced',
    ...(isSchema(schema) ? { schema } : {}),
  };
}

export function parseTarget(path: string): Target | undefined {
  const [, root, ...rest] = path.split('/').map(decodeURIComponent);
  const [group, version] = root === 'api' ? ['', rest.shift()] : [rest.shift(), rest.shift()];
  if (group === undefined || version === undefined || rest.length === 0) return undefined;
  // `namespaces/NAME` is an object, with more behind it the place of others.
  const namespace = rest[0] === 'namespaces' && rest.length > 2 ? rest.splice(0, 2)[1] : undefined;
  const [plural = '', name, subresource] = rest;
  return { group, version, plural, namespace, name, subresource };
}

function isSchema(value: unknown): value is OpenApiSchema {
  return isMap(value) && typeof value.type === 'string';
}
