import { randomUUID } from 'node:crypto';
import { keyText, type ObjectKey } from '../resources/resource.js';
import { asStoredObject, byNamespaceAndName, keyOfStored } from './as-stored-object.js';
import { type Store, type StoredObject, StoreError, type WatchEvent } from './store.js';
import { type WatchQueue, watchQueue } from './watch-queue.js';

/** A store in memory that behaves like a datastore with a history, for tests of what uses one. */
export interface FakeStore extends Store {
  /** Forgets what was before now: watches from an earlier version have expired. */
  compact(): void;
  /** Ends the watches that are under way, as a datastore does that has forgotten where they are. */
  expire(): void;
  /** The next request of that name ends with the error. */
  failNext(request: Request, error: StoreError): void;
  /** The requests so far, as `create HostEndpoint//h1`. */
  readonly requests: readonly string[];
}

type Request = 'get' | 'list' | 'create' | 'update' | 'delete';

interface Change {
  readonly revision: number;
  readonly event: WatchEvent;
}

/** `initial` are stored as they are. */
export function fakeStore(initial: readonly StoredObject[] = [], url = 'fake:'): FakeStore {
  const objects = new Map<string, StoredObject>();
  const history: Change[] = [];
  const watches = new Map<WatchQueue, (event: WatchEvent) => boolean>();
  const failures = new Map<Request, StoreError[]>();
  const requests: string[] = [];
  let revision = 0;
  let compacted = 0;

  function begin(request: Request, what: string): void {
    requests.push(`${request} ${what}`);
    const failure = failures.get(request)?.shift();
    if (failure !== undefined) throw failure;
  }

  function put(type: 'added' | 'modified', object: StoredObject): StoredObject {
    revision += 1;
    const metadata = { ...object.metadata, resourceVersion: String(revision) };
    const stored = asStoredObject({ ...object, metadata });
    if (stored === undefined) throw new TypeError('not an object that a store can hold');
    objects.set(keyText(keyOfStored(stored)), stored);
    tell({ type, object: stored });
    return stored;
  }

  function tell(event: WatchEvent): void {
    history.push({ revision, event });
    for (const [queue, concerns] of watches) if (concerns(event)) queue.push(event);
  }

  function present(key: ObjectKey, version: string | undefined): StoredObject {
    const object = objects.get(keyText(key));
    if (object === undefined) throw new StoreError('not-found', 'there is no such object', { key });
    const latest = object.metadata.resourceVersion;
    if (version !== undefined && version !== latest)
      throw new StoreError('conflict', `it is version '${latest}', not '${version}'`, { key });
    return object;
  }

  for (const object of initial) put('added', object);

  return {
    url,
    requests,
    async get(key) {
      begin('get', keyText(key));
      return present(key, undefined);
    },
    async list(kind, namespace) {
      begin('list', kind);
      const items = [...objects.values()].filter((object) => isIn(object, kind, namespace));
      return { items: items.toSorted(byNamespaceAndName), resourceVersion: String(revision) };
    },
    async create(object) {
      const key = keyOfStored(object);
      begin('create', keyText(key));
      if (objects.has(keyText(key))) throw new StoreError('already-exists', 'it is there', { key });
      const given = { uid: randomUUID(), creationTimestamp: new Date().toISOString().replace(/\.\d+Z$/, 'Z') };
      return put('added', { ...object, metadata: { ...given, ...object.metadata } });
    },
    async update(object) {
      const key = keyOfStored(object);
      begin('update', keyText(key));
      present(key, object.metadata.resourceVersion);
      return put('modified', object);
    },
    async delete(key, resourceVersion) {
      begin('delete', keyText(key));
      const object = present(key, resourceVersion);
      revision += 1;
      objects.delete(keyText(key));
      tell({ type: 'deleted', object });
      return object;
    },
    async *watch(kind, { namespace, resourceVersion, signal }) {
      const from = Number(resourceVersion);
      if (!(from >= compacted))
        throw new StoreError('expired', `what was after version ${resourceVersion} is forgotten`);
      const concerns = ({ object }: WatchEvent): boolean => isIn(object, kind, namespace);
      const queue = watchQueue(signal, () => watches.delete(queue));
      watches.set(queue, concerns);
      for (const change of history) if (change.revision > from && concerns(change.event)) queue.push(change.event);
      yield* queue;
    },
    async close() {
      for (const queue of watches.keys()) queue.end();
    },
    compact() {
      compacted = revision;
      history.length = 0;
    },
    expire() {
      for (const queue of watches.keys()) queue.end(new StoreError('expired', 'what was meanwhile is forgotten'));
    },
    failNext(request, error) {
      failures.set(request, [...(failures.get(request) ?? []), error]);
    },
  };
}

function isIn({ kind, metadata }: StoredObject, wanted: string, namespace: string | undefined): boolean {
  return kind === wanted && (namespace === undefined || metadata.namespace === namespace);
}
