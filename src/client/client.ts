import { byNamespaceAndName } from '../datastore/as-stored-object.js';
import { type Listing, type Store, type StoredObject, StoreError, type WatchEvent } from '../datastore/store.js';
import type { Kind } from '../resources/kinds.js';
import type { ObjectKey } from '../resources/resource.js';
import { type Deleted, deleteObject } from './delete-object.js';
import { follow } from './follow.js';
import { type Initialisation, initialise } from './initialise.js';
import type { PatchType } from './patch-type.js';
import type { PreparedObject } from './prepare-object.js';
import { asRead, staticObjects } from './static-objects.js';
import { applyObject, createObject, patchObject, replaceObject, type Written } from './write-object.js';

export interface ClientOptions {
  /** The tiers that every datastore has are there without being stored. */
  readonly impliedTiers?: boolean;
  /** How to initialise the datastore; a datastore without this needs none. */
  readonly initialisation?: Initialisation;
}

/**
 * Reads and writes objects as Calico's client does. Reading shows what is built in, and does not validate; what is
 * written is valid and complete. Methods reject with StoreError, InvalidObjectError for what must not be written,
 * PatchError.
 */
export interface Client {
  get(key: ObjectKey): Promise<StoredObject>;
  list(kind: Kind, namespace?: string): Promise<Listing>;
  /** All objects of the kind, as added, then each change, until `signal` is aborted. */
  follow(kind: Kind, options: { readonly namespace?: string; readonly signal: AbortSignal }): AsyncIterable<WatchEvent>;
  create(object: PreparedObject): Promise<Written>;
  apply(object: PreparedObject): Promise<Written>;
  replace(object: PreparedObject): Promise<Written>;
  patch(key: ObjectKey, patch: unknown, type: PatchType): Promise<Written>;
  delete(key: ObjectKey, resourceVersion?: string): Promise<Deleted>;
  /**
   * Before objects are written: makes what an initialised datastore has. A user who must not do that, or not in this
   * datastore, may still be one who may write the object, so that no failure matters; what is really wrong comes back
   * with the writing.
   */
  tryInitialise(): Promise<void>;
}

export function calicoClient(store: Store, { impliedTiers = false, initialisation }: ClientOptions = {}): Client {
  const statics = staticObjects({ impliedTiers });

  async function get(key: ObjectKey): Promise<StoredObject> {
    try {
      return asRead(await store.get(key));
    } catch (error) {
      const known = statics.ofKey(key);
      if (known !== undefined && error instanceof StoreError && error.code === 'not-found') return known;
      throw error;
    }
  }

  async function list(kind: Kind, namespace?: string): Promise<Listing> {
    const { items, resourceVersion } = await store.list(kind, namespace);
    const names = new Set(items.map(({ metadata }) => metadata.name));
    const unstored = statics.ofKind(kind).filter(({ metadata }) => !names.has(metadata.name));
    return { items: [...items.map(asRead), ...unstored].toSorted(byNamespaceAndName), resourceVersion };
  }

  return {
    get,
    list,
    follow(kind, { namespace, signal }) {
      return follow({
        list: () => list(kind, namespace),
        async *watch(resourceVersion) {
          for await (const { type, object } of store.watch(kind, { namespace, resourceVersion, signal }))
            yield { type, object: asRead(object) };
        },
      });
    },
    create: (object) => createObject(store, get, object),
    apply: (object) => applyObject(store, get, object),
    replace: (object) => replaceObject(store, object),
    patch: (key, patch, type) => patchObject(store, get, key, patch, type),
    delete: (key, resourceVersion) => deleteObject(store, key, resourceVersion),
    async tryInitialise() {
      if (initialisation === undefined) return;
      try {
        await initialise(store, initialisation);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
      }
    },
  };
}
