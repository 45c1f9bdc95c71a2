import { keyOfStored } from '../datastore/as-stored-object.js';
import { type Store, type StoredMetadata, type StoredObject, StoreError } from '../datastore/store.js';
import { isMap } from '../resources/normalise.js';
import { keyText, type ObjectKey } from '../resources/resource.js';
import { applyPatch } from './apply-patch.js';
import { InvalidObjectError } from './invalid-object-error.js';
import { belongsToTier } from './kinds-in-tiers.js';
import { objectId } from './object-id.js';
import type { PatchType } from './patch-type.js';
import { type PreparedObject, prepareObject } from './prepare-object.js';
import { refusalOf, type WriteOperation } from './refusals.js';

/** What became of an object. */
export interface Written {
  readonly object: StoredObject;
  readonly action: 'created' | 'updated';
}

/** Reading as Calico's client does, with what is there without being stored. */
export type Read = (key: ObjectKey) => Promise<StoredObject>;

/** Somebody else may change an object between reading and writing it; more often than so, something is wrong. */
const mostTries = 5;

/** Writes an object that must not be there yet. */
export async function createObject(store: Store, read: Read, prepared: PreparedObject): Promise<Written> {
  const object = writable(prepared, 'create');
  if (object.metadata.resourceVersion !== undefined) {
    const message = 'must not be set for what is to be created; replace or apply changes an object';
    throw new InvalidObjectError(keyOfStored(object), [
      { path: 'metadata.resourceVersion', code: 'resource-version', message },
    ]);
  }
  await requireTier(read, object);
  return { object: await store.create({ ...object, metadata: ofNewObject(object.metadata) }), action: 'created' };
}

/**
 * Writes an object that must be there; only the version that it names, if it names one. Its identity stays: of the
 * metadata, labels and annotations are replaced.
 */
export async function replaceObject(store: Store, prepared: PreparedObject): Promise<Written> {
  const object = writable(prepared, 'update');
  const key = keyOfStored(object);
  const { resourceVersion: wanted } = object.metadata;
  const written = await retried(wanted === undefined, async () => {
    const current = await store.get(key);
    requireVersion(key, current, wanted);
    return store.update(withIdentityOf(current, object));
  });
  return { object: written, action: 'updated' };
}

/**
 * Creates an object, or replaces the one that is there; where a datastore lets nobody create the kind, it may be
 * changed all the same.
 */
export async function applyObject(store: Store, read: Read, prepared: PreparedObject): Promise<Written> {
  try {
    const { object } = prepared;
    const fresh = object && { ...object, metadata: withoutVersion(object.metadata) };
    return await createObject(store, read, fresh ? { ...prepared, object: fresh } : prepared);
  } catch (error) {
    const mayBeThere = error instanceof StoreError && (error.code === 'already-exists' || error.code === 'unsupported');
    if (!mayBeThere) throw error;
  }
  return replaceObject(store, prepared);
}

/**
 * Changes an object that is there, by a patch. Fields that are stored, and that Margay does not know, are dropped, as
 * calicoctl does; those of the patch are errors. Rejects with PatchError for a patch that can't be applied.
 */
export async function patchObject(
  store: Store,
  read: Read,
  key: ObjectKey,
  patch: unknown,
  type: PatchType,
): Promise<Written> {
  const refusal = refusalOf(key, 'update');
  if (refusal !== undefined) throw refusal;
  const written = await retried(true, async () => {
    const current = await read(key);
    const object = preparedPatch(key, current, applyPatch(current, patch, type));
    requireVersion(key, current, object.metadata.resourceVersion);
    return store.update(withIdentityOf(current, object));
  });
  return { object: written, action: 'updated' };
}

function preparedPatch(key: ObjectKey, current: StoredObject, patched: unknown): StoredObject {
  const strict = prepareObject(patched);
  const unknown = strict.issues.filter(({ code }) => code === 'unknown-field');
  const added = unknown.filter(({ path }) => !unknownFieldsOf(current).has(path));
  if (added.length > 0) throw new InvalidObjectError(key, added);
  const object = writable(prepareObject(patched, { unknownFields: 'warning' }), 'update');
  if (keyText(keyOfStored(object)) === keyText(key)) return object;
  const message = `a patch can not make ${objectId(keyOfStored(object))} of ${objectId(key)}`;
  throw new InvalidObjectError(key, [{ path: '', code: 'identity', message }]);
}

function unknownFieldsOf(object: StoredObject): ReadonlySet<string> {
  const { issues } = prepareObject(object);
  return new Set(issues.filter(({ code }) => code === 'unknown-field').map(({ path }) => path));
}

function writable({ key, object, issues }: PreparedObject, operation: WriteOperation): StoredObject {
  const refusal = key && refusalOf(key, operation);
  if (refusal !== undefined) throw refusal;
  if (object === undefined) throw new InvalidObjectError(key, issues);
  return object;
}

/** V-POL-7. */
async function requireTier(read: Read, { kind, spec }: StoredObject): Promise<void> {
  if (!belongsToTier(kind)) return;
  const tier = isMap(spec) && typeof spec.tier === 'string' ? spec.tier : 'default';
  await read({ kind: 'Tier', name: tier });
}

function requireVersion(key: ObjectKey, current: StoredObject, wanted: string | undefined): void {
  const latest = current.metadata.resourceVersion;
  if (wanted === undefined || wanted === latest) return;
  const message = `resource version '${wanted}' is out of date (latest: ${latest}). Update the resource YAML/JSON in order to make changes`;
  throw new StoreError('conflict', message, { key });
}

async function retried(mayRetry: boolean, write: () => Promise<StoredObject>): Promise<StoredObject> {
  for (let tries = 1; ; tries++) {
    try {
      return await write();
    } catch (error) {
      const again = mayRetry && tries < mostTries && error instanceof StoreError && error.code === 'conflict';
      if (!again) throw error;
    }
  }
}

/** What a user says of an object that did not exist before: the rest is the datastore's. */
function ofNewObject({ name, namespace, labels, annotations }: StoredMetadata): StoredMetadata {
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function withoutVersion({ resourceVersion: _version, ...metadata }: StoredMetadata): StoredMetadata {
  return metadata;
}

function withIdentityOf(current: StoredObject, object: StoredObject): StoredObject {
  const { labels: _labels, annotations: _annotations, ...identity } = current.metadata;
  const { labels, annotations } = object.metadata;
  const metadata = { ...identity, ...ofNewObject({ ...object.metadata, labels, annotations }) };
  return keepingGuid(current, { ...object, metadata });
}

/** Which cluster it is does not change because somebody says that it is ready. */
function keepingGuid(current: StoredObject, object: StoredObject): StoredObject {
  if (object.kind !== 'ClusterInformation' || !isMap(object.spec) || !isMap(current.spec)) return object;
  const { clusterGUID } = current.spec;
  return clusterGUID === undefined ? object : { ...object, spec: { clusterGUID, ...object.spec } };
}
