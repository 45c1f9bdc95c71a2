import { kindOf } from '../resources/kinds.js';
import { isMap } from '../resources/normalise.js';
import type { ObjectKey } from '../resources/resource.js';
import type { StoredObject } from './store.js';

/** A value as an object of a store: a copy without what JSON leaves out. Undefined if it does not say which object it is. */
export function asStoredObject(value: unknown): StoredObject | undefined {
  if (!isMap(value)) return undefined;
  const copy: unknown = JSON.parse(JSON.stringify(value));
  return isStoredObject(copy) ? copy : undefined;
}

/** Which object it is. */
export function keyOfStored({ kind, metadata: { namespace, name } }: StoredObject): ObjectKey {
  return namespace === undefined ? { kind, name } : { kind, namespace, name };
}

/** The order of listings: by namespace, then by name, both by code units. */
export function byNamespaceAndName(a: StoredObject, b: StoredObject): number {
  return compare(a.metadata.namespace ?? '', b.metadata.namespace ?? '') || compare(a.metadata.name, b.metadata.name);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isStoredObject(value: unknown): value is StoredObject {
  if (!isMap(value) || typeof value.apiVersion !== 'string' || typeof value.kind !== 'string') return false;
  const definition = kindOf(value.kind);
  const { metadata } = value;
  if (definition === undefined || !isMap(metadata)) return false;
  const { name, namespace } = metadata;
  if (typeof name !== 'string' || name === '') return false;
  return definition.namespaced ? typeof namespace === 'string' && namespace !== '' : namespace === undefined;
}
