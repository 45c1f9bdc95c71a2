import { kindOf } from '../../resources/kinds.js';
import type { ObjectKey } from '../../resources/resource.js';
import { StoreError } from '../store.js';
import type { ResourcePath } from './resource-path.js';
import { nameOf } from './store-problem.js';

/** The place of an object in etcd. Throws a `StoreError` for one that could not be found again. */
export function storePath(key: ObjectKey): ResourcePath {
  const definition = kindOf(key.kind);
  if (definition === undefined) throw new StoreError('unsupported', `etcd keeps no ${key.kind} for Margay`, { key });
  const { kind, namespaced } = definition;
  const { namespace, name } = key;
  if (!namespaced) return { kind, name: checked(key, name) };
  if (namespace === undefined || namespace === '')
    throw new StoreError('invalid', `${kind} ${name} belongs to a namespace, and none is named`, { key });
  return { kind, namespace: checked(key, namespace), name: checked(key, name) };
}

function checked(key: ObjectKey, part: string): string {
  if (part !== '' && !part.includes('/')) return part;
  throw new StoreError('invalid', `${nameOf(key)}: names and namespaces must not be empty or have a slash`, { key });
}
