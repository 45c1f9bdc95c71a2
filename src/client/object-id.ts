import type { ObjectKey } from '../resources/resource.js';

/** `HostEndpoint(h1)` or `NetworkPolicy(prod/p1)`: an object as Calico's messages name it. */
export function objectId({ kind, namespace, name }: Partial<ObjectKey>): string {
  const full = namespace === undefined || namespace === '' ? (name ?? '') : `${namespace}/${name ?? ''}`;
  return `${kind ?? ''}(${full})`;
}
