import type { StoredObject } from '../../datastore/store.js';
import { isMap } from '../../resources/normalise.js';

/** What is at a path such as `spec.bgp.asNumber`; undefined if it or something on the way is not there. */
export function fieldAt(object: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, step) => (isMap(value) && Object.hasOwn(value, step) ? value[step] : undefined), object);
}

/** A text or number as it is, a list joined by commas, nothing for what is not there. */
export function textAt(object: unknown, path: string): string {
  return textOf(fieldAt(object, path));
}

/** The same of a value; a map as `key=value`, sorted. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map(textOf).join(',');
  if (!isMap(value)) return String(value);
  return Object.entries(value)
    .map(([key, inner]) => `${key}=${textOf(inner)}`)
    .toSorted()
    .join(',');
}

const metadataOrder = [
  'name',
  'generateName',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'labels',
  'annotations',
  'ownerReferences',
  'finalizers',
];

/** The object with its fields in the order in which calicoctl prints them; those of the spec are as they are stored. */
export function inPrintedOrder({ kind, apiVersion, metadata, spec, ...rest }: StoredObject): Record<string, unknown> {
  const rank = (field: string): number => {
    const index = metadataOrder.indexOf(field);
    return index < 0 ? metadataOrder.length : index;
  };
  const sorted = Object.entries(metadata).toSorted(([a], [b]) => rank(a) - rank(b));
  return { kind, apiVersion, metadata: Object.fromEntries(sorted), ...(spec === undefined ? {} : { spec }), ...rest };
}
