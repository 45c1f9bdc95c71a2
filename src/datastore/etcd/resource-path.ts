import { type Kind, kinds } from '../../resources/kinds.js';
import type { ObjectKey } from '../../resources/resource.js';

/** Where Calico keeps the resources of its API, and the first key after them. */
export const RESOURCES = '/calico/resources/v3/projectcalico.org/';
export const RESOURCES_END = after(RESOURCES);

/** Which resource is kept under a key of etcd. */
export interface ResourcePath extends ObjectKey {
  readonly kind: Kind;
}

export const CLUSTER_INFORMATION = pathOf({ kind: 'ClusterInformation', name: 'default' });

const byPlural = new Map(Object.values(kinds).map((definition) => [definition.plural, definition]));

/** Undefined for what is no resource of a kind that Margay handles, or has too few or too many parts. */
export function parsePath(path: string): ResourcePath | undefined {
  if (!path.startsWith(RESOURCES)) return undefined;
  const [plural = '', ...parts] = path.slice(RESOURCES.length).split('/');
  const definition = byPlural.get(plural);
  if (definition === undefined || parts.includes('')) return undefined;
  const [first, second] = parts.map(unescapeName);
  if (first === undefined || parts.length !== (definition.namespaced ? 2 : 1)) return undefined;
  if (second === undefined) return { kind: definition.kind, name: first };
  return { kind: definition.kind, namespace: first, name: second };
}

/** The key of a resource in etcd. Names are not escaped, as Calico does not escape them. */
export function pathOf({ kind, namespace, name }: ObjectKey & { readonly kind: Kind }): string {
  return `${prefixOf(kind, namespace)}${name}`;
}

/** What the keys of a kind begin with; in the namespace, if the kind has namespaces. */
export function prefixOf(kind: Kind, namespace?: string): string {
  const { plural, namespaced } = kinds[kind];
  const ofKind = `${RESOURCES}${plural}/`;
  return namespace === undefined || !namespaced ? ofKind : `${ofKind}${namespace}/`;
}

/** The first key that does not begin with the prefix, which ends with a slash. */
export function after(prefix: string): string {
  return `${prefix.slice(0, -1)}0`;
}

/** Source: Calico's `model/name.go`. */
export function escapeName(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('/', '%2f');
}

function unescapeName(name: string): string {
  return name.replaceAll('%2f', '/').replaceAll('%25', '%');
}
