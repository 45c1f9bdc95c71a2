import type { ObjectKey } from '../../../resources/resource.js';
import { StoreError, type StoreErrorCode } from '../../store.js';
import { ApiError, UnreachableError } from '../client/api-error.js';
import { AccessError } from '../client/cluster-access.js';

const codes: Readonly<Record<number, StoreErrorCode>> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  410: 'expired',
  422: 'invalid',
  429: 'unreachable',
  503: 'unreachable',
  504: 'unreachable',
};

/** What a request to an API server ended with, for those who know nothing of Kubernetes. */
export function storeError(error: unknown, key: Partial<ObjectKey>): StoreError {
  if (error instanceof StoreError) return error;
  const options = { key, cause: error };
  if (error instanceof UnreachableError || error instanceof AccessError)
    return new StoreError('unreachable', error.message, options);
  if (!(error instanceof ApiError))
    return new StoreError('internal', error instanceof Error ? error.message : String(error), options);
  if (error.code === 404 && error.subject === undefined) return unknownKind(error, key);
  // The profile of a namespace is the namespace.
  if (error.code === 404 && error.subject?.plural === 'namespaces' && key.kind !== 'Profile')
    return new StoreError('invalid', `there is no namespace ${error.subject.name}; create it first`, options);
  const code = error.reason === 'AlreadyExists' ? 'already-exists' : codes[error.code];
  return new StoreError(code ?? 'internal', error.message, options);
}

function unknownKind(error: ApiError, key: Partial<ObjectKey>): StoreError {
  const message = `the API server does not know the kind ${key.kind}; its CustomResourceDefinition is missing (${error.message})`;
  return new StoreError('unsupported', message, { key, cause: error });
}

/** As calicoctl says it, and why. */
export function notSupported(operation: 'Create' | 'Update' | 'Delete', key: ObjectKey, reason: string): StoreError {
  const id = `${key.kind}(${key.namespace === undefined ? '' : `${key.namespace}/`}${key.name})`;
  return new StoreError('unsupported', `operation ${operation} is not supported on ${id}: ${reason}`, { key });
}
