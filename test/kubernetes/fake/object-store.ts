import { isDeepStrictEqual } from 'node:util';
import { mapIn, type Native, textIn } from '../../../src/datastore/kubernetes/conversion/native.js';
import { FakeStatus, tooOld } from './status.js';

export interface StoreEvent {
  readonly revision: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Native;
}

/** The objects of an API server, with revisions as of etcd. `resource` is GROUP/PLURAL. */
export interface ObjectStore {
  readonly revision: number;
  get(resource: string, key: string): Native | undefined;
  /** In the order of their keys. */
  list(resource: string): readonly Native[];
  /** Gives it its version; what is no change gets none. */
  put(resource: string, key: string, object: Native): Native;
  delete(resource: string, key: string): Native | undefined;
  /** What has happened to the resource since; throws a 410 if that has been forgotten. */
  since(resource: string, revision: number): readonly StoreEvent[];
  /** Called with each event of the resource, until the function that is returned is. */
  follow(resource: string, listener: (event: StoreEvent) => void): () => void;
  /** Forgets all events so far: who asks for them has to list again. */
  compact(): void;
  /** As if restored from a backup: all objects, but an older revision. */
  rewind(revision: number): void;
}

export function objectStore(): ObjectStore {
  const resources = new Map<string, Map<string, Native>>();
  const listeners = new Map<string, Set<(event: StoreEvent) => void>>();
  let events: (StoreEvent & { readonly resource: string })[] = [];
  let revision = 1;
  let oldest = 1;

  function of(resource: string): Map<string, Native> {
    const objects = resources.get(resource) ?? new Map<string, Native>();
    resources.set(resource, objects);
    return objects;
  }

  function record(resource: string, type: StoreEvent['type'], object: Native): void {
    const event = { revision, type, object };
    events.push({ ...event, resource });
    for (const listener of listeners.get(resource) ?? []) listener(event);
  }

  function versioned(object: Native): Native {
    revision += 1;
    return { ...object, metadata: { ...mapIn(object, 'metadata'), resourceVersion: String(revision) } };
  }

  return {
    get revision() {
      return revision;
    },
    get: (resource, key) => of(resource).get(key),
    list: (resource) => [...of(resource)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object),
    put(resource, key, object) {
      const before = of(resource).get(key);
      if (before !== undefined && isDeepStrictEqual(withoutVersion(before), withoutVersion(object))) return before;
      const stored = versioned(object);
      of(resource).set(key, stored);
      record(resource, before === undefined ? 'ADDED' : 'MODIFIED', stored);
      return stored;
    },
    delete(resource, key) {
      const before = of(resource).get(key);
      if (before === undefined) return undefined;
      of(resource).delete(key);
      const last = versioned(before);
      record(resource, 'DELETED', last);
      return last;
    },
    since(resource, from) {
      if (from < oldest) throw tooOld(`too old resource version: ${from} (${oldest})`);
      return events.filter((event) => event.resource === resource && event.revision > from);
    },
    follow(resource, listener) {
      const all = listeners.get(resource) ?? new Set();
      listeners.set(resource, all.add(listener));
      return () => all.delete(listener);
    },
    compact() {
      oldest = revision;
      events = [];
    },
    rewind(to) {
      revision = to;
      oldest = to;
      events = [];
    },
  };
}

/** Namespace and name, as in the keys of etcd. */
export function keyOfObject(object: Native): string {
  const metadata = mapIn(object, 'metadata');
  const name = textIn(metadata, 'name');
  if (name === undefined) throw new FakeStatus(422, 'Invalid', 'metadata.name: Required value');
  return `${textIn(metadata, 'namespace') ?? ''}/${name}`;
}

function withoutVersion(object: Native): Native {
  return { ...object, metadata: { ...mapIn(object, 'metadata'), resourceVersion: undefined } };
}
