import type { ObjectKey } from '../../resources/resource.js';
import { StoreError, type StoreErrorCode } from '../store.js';
import { asEtcdError, type EtcdErrorCode } from './etcd-error.js';

const codes: Readonly<Record<EtcdErrorCode, StoreErrorCode>> = {
  unreachable: 'unreachable',
  uncertain: 'unreachable',
  unauthenticated: 'unauthorized',
  forbidden: 'forbidden',
  'no-such-revision': 'expired',
  access: 'unauthorized',
  closed: 'unreachable',
  internal: 'internal',
};

/** What etcd answered, as an error of the store. */
export function storeError(thrown: unknown, key?: Partial<ObjectKey>): StoreError {
  if (thrown instanceof StoreError) return thrown;
  const error = asEtcdError(thrown);
  return new StoreError(codes[error.code], error.message, { ...(key && { key }), cause: error });
}

export function notFound(key: ObjectKey): StoreError {
  return new StoreError('not-found', `${nameOf(key)} does not exist`, { key });
}

export function alreadyExists(key: ObjectKey): StoreError {
  return new StoreError('already-exists', `${nameOf(key)} already exists`, { key });
}

export function conflict(key: ObjectKey): StoreError {
  const message = `${nameOf(key)} has been changed since that version of it was read: read it again, and repeat your change`;
  return new StoreError('conflict', message, { key });
}

/** `HostEndpoint eth0`, `NetworkPolicy ns/allow`. */
export function nameOf({ kind, namespace, name }: ObjectKey): string {
  return `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;
}
