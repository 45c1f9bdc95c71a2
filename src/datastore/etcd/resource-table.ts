import { keyText, type ObjectKey } from '../../resources/resource.js';
import type { SourceEvent, Update } from '../source.js';
import type { KeyValue } from './messages.js';
import { longNameOf, mayBeRenamed, shortNameOf } from './policy-name.js';
import { type CheckSelector, type ReadResource, readResource } from './read-resource.js';
import { parsePath, pathOf, type ResourcePath } from './resource-path.js';

/** Which keys etcd has, at which revision, and what a change of them means for the listener of the source. */
export interface ResourceTable {
  /** How many keys there are, with those that are none of ours. */
  readonly size: number;
  /** Undefined: another object changes its name because of it, so all has to be listed. Nothing is changed then. */
  put(kv: KeyValue): SourceEvent[] | undefined;
  /** The same; `revision` is the one of the deletion. */
  delete(key: string, revision: number): SourceEvent[] | undefined;
  list(): TableListing;
  /** The store is another one: revisions that are known say nothing about it. */
  forgetRevisions(): void;
}

/** All that etcd has, page by page. Nothing is deleted before `end`. */
export interface TableListing {
  page(kvs: readonly KeyValue[]): SourceEvent[];
  /** What had to wait, and what is gone. */
  end(): SourceEvent[];
}

interface Change {
  readonly key: string;
  readonly path: ResourcePath;
  readonly read: ReadResource;
  /** The revision that was known. */
  readonly before: number | undefined;
}

const UNKNOWN_REVISION = -1;

/**
 * A policy x that an old Calico keeps under `default.x` is called x, unless there is also one under `x`: then it goes by its key,
 * so that neither hides the other.
 */
export function resourceTable(checkSelector: CheckSelector): ResourceTable {
  /** Revisions are all that is kept of objects: a large cluster has many. */
  let known = new Map<string, number>();
  /** Names of objects that are not the last part of their key. */
  const renamed = new Map<string, string>();

  function nameOf(path: ResourcePath, { name }: ReadResource, keys: ReadonlyMap<string, number>): string {
    return name !== path.name && keys.has(pathOf({ ...path, name })) ? path.name : name;
  }

  function told({ key, path, read, before }: Change, keys: ReadonlyMap<string, number>): SourceEvent[] {
    const name = nameOf(path, read, keys);
    const update: Update = { type: 'update', key: keyOf(path, name), origin: {}, parsed: read.as(name) };
    const former = renamed.get(key) ?? path.name;
    if (name === path.name) renamed.delete(key);
    else renamed.set(key, name);
    return [...(before !== undefined && former !== name ? [deletion(path, former)] : []), update];
  }

  function gone(key: string): SourceEvent[] {
    const path = parsePath(key);
    const name = renamed.get(key);
    renamed.delete(key);
    return path === undefined ? [] : [deletion(path, name ?? path.name)];
  }

  /** Whether there is a policy `default.x` to which it matters whether there is a policy `x`. */
  function concernsOther(path: ResourcePath): boolean {
    return mayBeRenamed(path.kind) && known.has(pathOf({ ...path, name: longNameOf(path.name) }));
  }

  function list(): TableListing {
    // The first one is told page by page; a later one is one change, whose parts may depend on each other.
    const isFirst = known.size === 0;
    const seen = isFirst ? known : new Map<string, number>();
    /** The names of these depend on other keys. */
    const undecided: Change[] = [];
    const changes: SourceEvent[] = [];

    function see({ key, value, modRevision }: KeyValue): SourceEvent[] {
      const before = known.get(key);
      const path = parsePath(key);
      seen.set(key, modRevision);
      if (path === undefined) return [];
      const isUndecided = mayBeRenamed(path.kind) && shortNameOf(path.name) !== undefined;
      if (before === modRevision && !isUndecided) return [];
      const change = { key, path, read: readResource(path, value, checkSelector), before };
      if (!isUndecided) return told(change, seen);
      undecided.push(change);
      return [];
    }

    return {
      page(kvs) {
        const events = kvs.flatMap(see);
        if (isFirst) return events;
        changes.push(...events);
        return [];
      },
      end() {
        for (const change of undecided) {
          const { key, path, read, before } = change;
          const isRenamed = nameOf(path, read, seen) !== (renamed.get(key) ?? path.name);
          if (before !== seen.get(key) || isRenamed) changes.push(...told(change, seen));
        }
        for (const key of known.keys()) if (!seen.has(key)) changes.push(...gone(key));
        known = seen;
        return inOrder(changes);
      },
    };
  }

  return {
    get size() {
      return known.size;
    },
    put({ key, value, modRevision }) {
      const path = parsePath(key);
      const before = known.get(key);
      if (before !== undefined && before >= modRevision) return [];
      if (path !== undefined && before === undefined && concernsOther(path)) return undefined;
      known.set(key, modRevision);
      if (path === undefined) return [];
      return told({ key, path, read: readResource(path, value, checkSelector), before }, known);
    },
    delete(key, revision) {
      const before = known.get(key);
      if (before === undefined || before >= revision) return [];
      const path = parsePath(key);
      if (path !== undefined && concernsOther(path)) return undefined;
      known.delete(key);
      return gone(key);
    },
    list,
    forgetRevisions() {
      for (const key of known.keys()) known.set(key, UNKNOWN_REVISION);
    },
  };
}

function deletion(path: ResourcePath, name: string): SourceEvent {
  return { type: 'delete', key: keyOf(path, name) };
}

function keyOf({ kind, namespace }: ResourcePath, name: string): ObjectKey {
  return namespace === undefined ? { kind, name } : { kind, namespace, name };
}

/** Updates first. An object that goes from one key to another is updated, not deleted. */
function inOrder(events: readonly SourceEvent[]): SourceEvent[] {
  const updates = events.filter((event) => event.type === 'update');
  const kept = new Set(updates.map(({ key }) => keyText(key)));
  const deletions = events.filter((event) => event.type === 'delete');
  return [...updates, ...deletions.filter(({ key }) => !kept.has(keyText(key)))];
}
