import { StoreError } from '../datastore/store.js';
import { defaultAllowName } from '../resources/profile.js';
import type { ObjectKey } from '../resources/resource.js';
import { initialTiers } from '../resources/tier.js';
import { objectId } from './object-id.js';

export type WriteOperation = 'create' | 'update' | 'delete';

/**
 * Why Calico's client does not write an object, whatever is in it: what is built in, what every datastore must have,
 * and what kube-controllers copy from Kubernetes. Unlike calicoctl, Margay lets ClusterInformation be written, as it
 * has no other way to say that a datastore is ready.
 */
export function refusalOf(key: ObjectKey, operation: WriteOperation): StoreError | undefined {
  const { kind, name } = key;
  if (kind === 'Profile' && name === defaultAllowName) return ofDefaultAllow(key, operation);
  if (kind === 'Tier' && operation === 'delete' && initialTiers.some(({ metadata }) => metadata.name === name))
    return unsupported(key, operation, `every datastore has the tier ${name}`);
  if (kind === 'ClusterInformation' && operation === 'delete')
    return unsupported(key, operation, 'without it every agent waits; set datastoreReady to false instead');
  if (kind === 'NetworkPolicy' && name.startsWith('knp.default.'))
    return unsupported(key, operation, 'kubernetes network policies must be managed through the kubernetes API');
  return undefined;
}

export function unsupported(key: ObjectKey, operation: string, reason: string): StoreError {
  return new StoreError('unsupported', `operation ${operation} is not supported on ${objectId(key)}: ${reason}`, {
    key,
  });
}

function ofDefaultAllow(key: ObjectKey, operation: WriteOperation): StoreError {
  if (operation === 'create') return new StoreError('already-exists', 'it is built in', { key });
  return unsupported(key, operation, 'it is built in, and can not be changed or deleted');
}
