import { byNamespaceAndName, keyOfStored } from '../datastore/as-stored-object.js';
import { type Store, type StoredObject, StoreError } from '../datastore/store.js';
import { keyText, type ObjectKey } from '../resources/resource.js';

/** A store as it would be: it reads from another one, and keeps to itself what is written. */
export function dryRunStore(store: Store): Store {
  /** Undefined: deleted. */
  const changed = new Map<string, StoredObject | undefined>();

  async function get(key: ObjectKey): Promise<StoredObject> {
    const text = keyText(key);
    const own = changed.get(text);
    if (own !== undefined) return own;
    if (changed.has(text)) throw new StoreError('not-found', 'it would have been deleted', { key });
    return store.get(key);
  }

  async function present(key: ObjectKey, version: string | undefined): Promise<StoredObject> {
    const current = await get(key);
    const latest = current.metadata.resourceVersion;
    if (version !== undefined && version !== latest)
      throw new StoreError('conflict', `it is version '${latest}', not '${version}'`, { key });
    return current;
  }

  return {
    url: store.url,
    get,
    async list(kind, namespace) {
      const { items, resourceVersion } = await store.list(kind, namespace);
      const kept = items.filter((item) => !changed.has(keyText(keyOfStored(item))));
      const own = [...changed.values()].filter(
        (object) => object?.kind === kind && (namespace === undefined || object.metadata.namespace === namespace),
      );
      const all = [...kept, ...own.filter((object) => object !== undefined)];
      return { items: all.toSorted(byNamespaceAndName), resourceVersion };
    },
    async create(object) {
      const key = keyOfStored(object);
      const there = await get(key).catch((error: unknown) => {
        if (error instanceof StoreError && error.code === 'not-found') return undefined;
        throw error;
      });
      if (there !== undefined) throw new StoreError('already-exists', 'it is there', { key });
      changed.set(keyText(key), object);
      return object;
    },
    async update(object) {
      const key = keyOfStored(object);
      await present(key, object.metadata.resourceVersion);
      changed.set(keyText(key), object);
      return object;
    },
    async delete(key, resourceVersion) {
      const gone = await present(key, resourceVersion);
      changed.set(keyText(key), undefined);
      return gone;
    },
    watch: (kind, options) => store.watch(kind, options),
    close: () => store.close(),
  };
}
