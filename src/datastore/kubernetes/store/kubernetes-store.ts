import type { Kind } from '../../../resources/kinds.js';
import { kindOf } from '../../../resources/kinds.js';
import { keyText, type ObjectKey } from '../../../resources/resource.js';
import { byNamespaceAndName, keyOfStored } from '../../as-stored-object.js';
import {
  type Listing,
  type Store,
  type StoredObject,
  StoreError,
  type WatchEvent,
  type WatchOptions,
} from '../../store.js';
import { calicoGroup } from '../calico-group.js';
import { type ApiClient, apiClient, type ClientTimes, defaultClientTimes } from '../client/api-client.js';
import { ApiError } from '../client/api-error.js';
import type { ClusterAccess } from '../client/cluster-access.js';
import { mapIn, type Native, textIn } from '../conversion/native.js';
import { type ApiGroup, toStored } from '../conversion/stored-metadata.js';
import { listPages } from '../list-pages.js';
import { versionOf } from '../resource-version.js';
import { merged } from './merged.js';
import { retried } from './retried.js';
import { notSupported, storeError } from './store-error.js';
import { nativePath, readOnlyBecause, type StorePart, storedObject, storeParts } from './store-part.js';
import { watchPart } from './watch-part.js';

export interface KubernetesStoreOptions {
  /** As the operator wrote it, without credentials. */
  readonly url: string;
  readonly access: () => Promise<ClusterAccess>;
  /** CALICO_API_GROUP, if it is set. */
  readonly calicoApiGroup?: string | undefined;
  /** What names of workload interfaces begin with. */
  readonly interfacePrefix?: string | undefined;
  readonly userAgent?: string;
  readonly warn?: ((message: string) => void) | undefined;
  readonly times?: Partial<ClientTimes>;
}

/** An object where it is. */
interface Located {
  readonly part: StorePart;
  readonly path: string;
  readonly native: Native;
  readonly object: StoredObject;
}

/** Joins the resourceVersions of the parts of a kind: opaque to others. */
const SEPARATOR = '/';
/** Somebody else may be changing it all the time. */
const TRIES = 5;

/**
 * The resources of Calico in an API server of Kubernetes, in either of its two groups. Workload endpoints, profiles and nodes are
 * made of what Kubernetes has, and can only be read.
 */
export function kubernetesStore(options: KubernetesStoreOptions): Store {
  const closed = new AbortController();
  const warned = new Set<string>();
  const client: ApiClient = apiClient({
    access: options.access,
    userAgent: options.userAgent ?? 'margay',
    times: { ...defaultClientTimes, ...options.times },
    listener: { connected: ({ warnings }) => warnings.forEach(warnOnce), lost: () => undefined },
  });
  const group = calicoGroup(client, options.calicoApiGroup);
  const interfacePrefix = options.interfacePrefix?.split(',', 1)[0]?.trim() || 'cali';

  function warnOnce(message: string): void {
    if (!warned.has(message)) options.warn?.(message);
    warned.add(message);
  }

  /** Rejects with a `StoreError` about the key. */
  async function about<Value>(key: Partial<ObjectKey>, work: () => Promise<Value>): Promise<Value> {
    try {
      return await work();
    } catch (error) {
      throw storeError(error, key);
    }
  }

  async function partsOf(kind: string): Promise<{ readonly group: ApiGroup; readonly parts: readonly StorePart[] }> {
    const definition = kindOf(kind);
    if (definition === undefined) throw new StoreError('unsupported', `kind ${kind} is not kept`, { key: { kind } });
    const found = await retried(() => group.current(false), true, closed.signal);
    return { group: found, parts: storeParts(definition.kind, found, interfacePrefix) };
  }

  function read(path: string): Promise<unknown> {
    return retried(() => client.request({ path, signal: closed.signal }), true, closed.signal);
  }

  async function locate(key: ObjectKey): Promise<Located> {
    const { parts } = await partsOf(key.kind);
    let missing: unknown = new StoreError('not-found', 'there is no such object', { key });
    for (const part of parts) {
      for (const candidate of part.candidates(key)) {
        const path = nativePath(part, candidate);
        try {
          const native = asNative(await read(path));
          const object = storedObject(native, part);
          if (object !== undefined && keyText(keyOfStored(object)) === keyText(key))
            return { part, path, native, object };
        } catch (error) {
          if (!(error instanceof ApiError && error.code === 404)) throw error;
          missing = error;
        }
      }
    }
    throw missing;
  }

  async function listPart(part: StorePart, namespace: string | undefined) {
    const path = nativePath(part, namespace === undefined ? {} : { namespace });
    let items: StoredObject[] = [];
    const pages = listPages(client, { path, signal: closed.signal });
    let next = await retried(() => pages.next(), true, closed.signal);
    for (; !next.done; next = await pages.next()) {
      if (next.value.first) items = [];
      for (const native of next.value.objects) items.push(...storedObjects(asNative(native), part));
    }
    return { items, resourceVersion: next.value };
  }

  async function updateOnce(object: StoredObject, key: ObjectKey): Promise<StoredObject> {
    const { part, path, native, object: before } = await locate(key);
    const wanted = object.metadata.resourceVersion;
    if (wanted !== undefined && wanted !== before.metadata.resourceVersion) throw otherVersion(key, wanted, before);
    const { uid, creationTimestamp, resourceVersion } = before.metadata;
    if (object.metadata.uid !== undefined && object.metadata.uid !== uid)
      throw new StoreError('conflict', 'it has been deleted, and another one has its name', { key });
    const metadata = { creationTimestamp, ...object.metadata, uid, resourceVersion };
    const { group } = await partsOf(key.kind);
    const stored = toStored({ ...object, metadata }, key.kind, group);
    // The name that it has there, which need not be its own.
    const body = {
      ...stored,
      metadata: { ...mapIn(stored, 'metadata'), name: textIn(mapIn(native, 'metadata'), 'name') },
    };
    return written(await write('PUT', path, body), part);
  }

  async function deleteOnce(key: ObjectKey, resourceVersion: string | undefined): Promise<StoredObject> {
    const { path, native, object } = await locate(key);
    if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion)
      throw otherVersion(key, resourceVersion, object);
    const preconditions = { uid: textIn(mapIn(native, 'metadata'), 'uid'), resourceVersion: versionOf(native) };
    await write('DELETE', path, { kind: 'DeleteOptions', apiVersion: 'v1', preconditions });
    return object;
  }

  function write(method: 'POST' | 'PUT' | 'DELETE', path: string, body: unknown): Promise<unknown> {
    return retried(() => client.request({ method, path, body, signal: closed.signal }), false, closed.signal);
  }

  return {
    url: options.url,
    get: (key) => about(key, async () => (await locate(key)).object),
    list: (kind, namespace) =>
      about({ kind }, async (): Promise<Listing> => {
        const { parts } = await partsOf(kind);
        const listings = [];
        for (const part of parts) listings.push(await listPart(part, namespace));
        return {
          items: listings.flatMap(({ items }) => items).sort(byNamespaceAndName),
          resourceVersion: listings.map(({ resourceVersion }) => resourceVersion).join(SEPARATOR),
        };
      }),
    create: (object) =>
      about(keyOfStored(object), async () => {
        const key = keyOfStored(object);
        requireWritable('Create', key);
        const { group, parts } = await partsOf(key.kind);
        const [part] = parts;
        if (part === undefined) throw notSupported('Create', key, 'it is kept nowhere');
        const { resourceVersion: _, uid: __, ...given } = object.metadata;
        const metadata = { creationTimestamp: now(), ...given };
        const body = toStored({ ...object, metadata }, key.kind, group);
        const path = nativePath(part, key.namespace === undefined ? {} : { namespace: key.namespace });
        return written(await write('POST', path, body), part);
      }),
    update: (object) =>
      about(keyOfStored(object), async () => {
        const key = keyOfStored(object);
        requireWritable('Update', key);
        return object.metadata.resourceVersion === undefined
          ? untilUndisturbed(() => updateOnce(object, key), key)
          : updateOnce(object, key);
      }),
    delete: (key, resourceVersion) =>
      about(key, async () => {
        requireWritable('Delete', key);
        return resourceVersion === undefined
          ? untilUndisturbed(() => deleteOnce(key, undefined), key)
          : deleteOnce(key, resourceVersion);
      }),
    watch: (kind, watchOptions) => watchKind(kind, watchOptions),
    async close() {
      closed.abort();
      await client.close();
    },
  };

  async function* watchKind(
    kind: Kind,
    { namespace, resourceVersion, signal }: WatchOptions,
  ): AsyncGenerator<WatchEvent> {
    if (signal.aborted) return;
    const ended = new AbortController();
    const until = AbortSignal.any([signal, closed.signal, ended.signal]);
    try {
      const { parts } = await partsOf(kind);
      const versions = resourceVersion.split(SEPARATOR);
      yield* merged(
        parts.map((part, index) =>
          watchPart(client, part, { namespace, resourceVersion: versions[index] ?? '', signal: until }),
        ),
      );
    } catch (error) {
      if (!signal.aborted) throw storeError(error, { kind });
    } finally {
      ended.abort();
    }
  }
}

function requireWritable(operation: 'Create' | 'Update' | 'Delete', key: ObjectKey): void {
  const kind = kindOf(key.kind)?.kind;
  const reason = kind === undefined ? undefined : readOnlyBecause[kind];
  if (reason !== undefined) throw notSupported(operation, key, reason);
}

/** Who names no version means whatever is there, however often that changes meanwhile. */
async function untilUndisturbed<Value>(work: () => Promise<Value>, key: ObjectKey): Promise<Value> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (storeError(error, key).code !== 'conflict' || tries >= TRIES) throw error;
    }
  }
}

function otherVersion(key: ObjectKey, wanted: string, { metadata }: StoredObject): StoreError {
  return new StoreError('conflict', `it is version '${metadata.resourceVersion}', not '${wanted}'`, { key });
}

/** None for what is no object of Calico. */
function storedObjects(native: Native, part: StorePart): StoredObject[] {
  const object = storedObject(native, part);
  return object === undefined ? [] : [object];
}

function written(answer: unknown, part: StorePart): StoredObject {
  const object = storedObject(asNative(answer), part);
  if (object === undefined)
    throw new StoreError('internal', 'the API server answered with something else than the object');
  return object;
}

function asNative(value: unknown): Native {
  return mapIn({ value }, 'value');
}

/** To the second, as Kubernetes writes it. */
function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}
