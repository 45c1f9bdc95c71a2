import { randomUUID } from 'node:crypto';
import type { Kind } from '../../resources/kinds.js';
import { defaultAllowProfile } from '../../resources/packaged-rules.js';
import type { ObjectKey } from '../../resources/resource.js';
import { apiVersion } from '../../resources/resource-schema.js';
import { type Listing, type Store, type StoredObject, StoreError } from '../store.js';
import type { EtcdClient } from './etcd-client.js';
import { listPages } from './list-pages.js';
import { compareResult, compareTarget, type KeyValue } from './messages.js';
import { longNameOf, mayBeRenamed } from './policy-name.js';
import { after, pathOf, prefixOf, type ResourcePath } from './resource-path.js';
import { storePath } from './store-path.js';
import { alreadyExists, conflict, nameOf, notFound, storeError } from './store-problem.js';
import { watchStore } from './store-watch.js';
import { readStored, storedValue } from './stored-object.js';

export interface EtcdStoreOptions {
  /** As the operator wrote it. */
  readonly url: string;
  /** Closed with the store. */
  readonly client: EtcdClient;
}

/** How often a change without a version is tried again when others change the object at the same time. */
const ATTEMPTS = 10;

/** It exists without being stored, in Calico's client as here. */
const builtin: StoredObject = {
  apiVersion: defaultAllowProfile.apiVersion,
  kind: defaultAllowProfile.kind,
  metadata: { name: defaultAllowProfile.metadata.name, resourceVersion: '1' },
  spec: defaultAllowProfile.spec,
};

/**
 * Calico's resources in etcd, under the keys and with the values that calicoctl writes. What only its client library checks and
 * fills in is left to whoever calls this.
 */
export function etcdStore({ url, client }: EtcdStoreOptions): Store {
  /** A policy may be kept under the name that an old Calico gave it. */
  async function find(key: ObjectKey): Promise<KeyValue | undefined> {
    const path = storePath(key);
    const kv = await read(pathOf(path));
    if (kv !== undefined || !mayBeRenamed(path.kind)) return kv;
    const old = await read(pathOf({ ...path, name: longNameOf(path.name) }));
    return old !== undefined && readStored(old)?.metadata.name === path.name ? old : undefined;
  }

  async function read(key: string): Promise<KeyValue | undefined> {
    return (await client.range({ key })).kvs[0];
  }

  function objectIn(kv: Pick<KeyValue, 'key' | 'value' | 'modRevision'>, key: ObjectKey): StoredObject {
    const object = readStored(kv);
    if (object !== undefined) return object;
    throw new StoreError('internal', `${nameOf(key)} can not be read: the value of ${kv.key} in etcd is garbage`, {
      key,
    });
  }

  /** Puts the value if the key is at that revision; 0: if there is no such key. */
  async function putIf(key: string, revision: number, value: Buffer): Promise<number | undefined> {
    const { equal } = compareResult;
    const isNew = { result: equal, target: compareTarget.version, key, version: 0 };
    const isSame = { result: equal, target: compareTarget.mod, key, modRevision: revision };
    const compare = [revision === 0 ? isNew : isSame];
    const { succeeded, header } = await client.txn({ compare, success: [{ requestPut: { key, value } }], failure: [] });
    return succeeded ? header.revision : undefined;
  }

  async function create(object: StoredObject): Promise<StoredObject> {
    const key = keyOf(object);
    const path = storePath(key);
    if (isBuiltin(key) || (mayBeRenamed(path.kind) && (await find(key)) !== undefined)) throw alreadyExists(key);
    const origin = { uid: randomUUID(), creationTimestamp: timestamp() };
    const value = storedValue(path.kind, { ...object, metadata: { ...object.metadata, ...origin } });
    const modRevision = await putIf(pathOf(path), 0, value);
    if (modRevision === undefined) throw alreadyExists(key);
    return objectIn({ key: pathOf(path), value, modRevision }, key);
  }

  async function update(object: StoredObject): Promise<StoredObject> {
    const key = keyOf(object);
    if (isBuiltin(key)) throw isFixed(key, 'changed');
    const wanted = revisionOf(key, object.metadata.resourceVersion);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const kv = await find(key);
      if (kv === undefined) throw notFound(key);
      if (wanted !== undefined && wanted !== kv.modRevision) throw conflict(key);
      const { uid, creationTimestamp } = readStored(kv)?.metadata ?? {
        uid: randomUUID(),
        creationTimestamp: timestamp(),
      };
      const metadata = {
        ...(uid !== undefined && { uid }),
        ...(creationTimestamp !== undefined && { creationTimestamp }),
      };
      const value = storedValue(storePath(key).kind, { ...object, metadata: { ...metadata, ...object.metadata } });
      const modRevision = await putIf(kv.key, kv.modRevision, value);
      if (modRevision !== undefined) return objectIn({ key: kv.key, value, modRevision }, key);
    }
    throw conflict(key);
  }

  async function remove(key: ObjectKey, resourceVersion?: string): Promise<StoredObject> {
    if (isBuiltin(key)) throw isFixed(key, 'deleted');
    const wanted = revisionOf(key, resourceVersion);
    const found = await find(key);
    if (found === undefined) throw notFound(key);
    const compare =
      wanted === undefined
        ? []
        : [{ result: compareResult.equal, target: compareTarget.mod, key: found.key, modRevision: wanted }];
    const success = [{ requestDeleteRange: { key: found.key, prevKv: true } }];
    const { succeeded, responses } = await client.txn({ compare, success, failure: [] });
    if (!succeeded) throw conflict(key);
    const deleted = responses[0]?.responseDeleteRange?.prevKvs[0];
    if (deleted === undefined) throw notFound(key);
    return readStored(deleted) ?? nameless(storePath(key));
  }

  async function list(kind: Kind, namespace?: string): Promise<Listing> {
    const prefix = prefixOf(kind, namespace);
    const items: StoredObject[] = kind === builtin.kind ? [builtin] : [];
    let resourceVersion = '';
    for await (const { kvs, revision } of listPages(client, prefix, after(prefix))) {
      // What can't be read is left out, as calicoctl does; the daemon tells it.
      items.push(...kvs.flatMap((kv) => readStored(kv) ?? []));
      resourceVersion = String(revision);
    }
    return { items: items.sort(byName), resourceVersion };
  }

  async function get(key: ObjectKey): Promise<StoredObject> {
    if (isBuiltin(key)) return builtin;
    const kv = await find(key);
    if (kv === undefined) throw notFound(key);
    return objectIn(kv, key);
  }

  const asStoreError = async <Result>(result: Promise<Result>, key?: Partial<ObjectKey>): Promise<Result> => {
    try {
      return await result;
    } catch (error) {
      throw storeError(error, key);
    }
  };

  return {
    url,
    get: (key) => asStoreError(get(key), key),
    list: (kind, namespace) => asStoreError(list(kind, namespace), { kind }),
    create: (object) => asStoreError(create(object), keyOf(object)),
    update: (object) => asStoreError(update(object), keyOf(object)),
    delete: (key, resourceVersion) => asStoreError(remove(key, resourceVersion), key),
    watch: (kind, options) => watchStore(client, kind, options),
    async close() {
      client.close();
    },
  };
}

function keyOf({ kind, metadata: { name, namespace } }: StoredObject): ObjectKey {
  return namespace === undefined ? { kind, name } : { kind, namespace, name };
}

/** What can be said of something that was garbage. */
function nameless({ kind, name, namespace }: ResourcePath): StoredObject {
  return { apiVersion, kind, metadata: namespace === undefined ? { name } : { name, namespace } };
}

function isBuiltin({ kind, name }: ObjectKey): boolean {
  return kind === builtin.kind && name === builtin.metadata.name;
}

function isFixed(key: ObjectKey, what: string): StoreError {
  return new StoreError('unsupported', `${nameOf(key)} is provided by Calico, and can not be ${what}`, { key });
}

function revisionOf(key: ObjectKey, resourceVersion: string | undefined): number | undefined {
  if (resourceVersion === undefined || resourceVersion === '') return undefined;
  if (/^\d+$/.test(resourceVersion)) return Number(resourceVersion);
  throw new StoreError('invalid', `${nameOf(key)}: '${resourceVersion}' is no version of etcd`, { key });
}

/** As Kubernetes writes it: without parts of seconds. */
function timestamp(): string {
  return new Date().toISOString().replace(/\.\d+/, '');
}

function byName(a: StoredObject, b: StoredObject): number {
  return compare(a.metadata.namespace ?? '', b.metadata.namespace ?? '') || compare(a.metadata.name, b.metadata.name);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
