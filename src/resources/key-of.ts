import type { Resource } from './kinds.js';
import type { ObjectKey } from './resource.js';

/** Which object a resource is. */
export function keyOf({ kind, metadata: { namespace, name } }: Resource): ObjectKey {
  return namespace === undefined ? { kind, name } : { kind, namespace, name };
}
