import { keyOfStored } from '../datastore/as-stored-object.js';
import { type Store, type StoredObject, StoreError } from '../datastore/store.js';
import type { Kind } from '../resources/kinds.js';
import { isMap } from '../resources/normalise.js';
import type { ObjectKey } from '../resources/resource.js';
import { kindsInTiers } from './kinds-in-tiers.js';
import { objectId } from './object-id.js';
import { refusalOf, unsupported } from './refusals.js';

/** What has been deleted: the object itself, and what was deleted before because it belonged to it. */
export interface Deleted {
  readonly object: StoredObject;
  readonly dependents: readonly StoredObject[];
}

/**
 * Deletes an object; with a version only that one. A tier must be empty. With a Node go its endpoints and its
 * FelixConfiguration, as with calicoctl; but a Node that is not there is an error before anything of it is deleted.
 */
export async function deleteObject(store: Store, key: ObjectKey, resourceVersion?: string): Promise<Deleted> {
  const refusal = refusalOf(key, 'delete');
  if (refusal !== undefined) throw refusal;
  if (key.kind === 'Tier') await requireEmptyTier(store, key);
  const dependents = key.kind === 'Node' ? await deleteDependents(store, key, resourceVersion) : [];
  return { object: await store.delete(key, resourceVersion), dependents };
}

async function requireEmptyTier(store: Store, key: ObjectKey): Promise<void> {
  for (const kind of kindsInTiers) {
    const { items } = await store.list(kind);
    const member = items.find(({ spec }) => isMap(spec) && spec.tier === key.name);
    if (member === undefined) continue;
    const which = objectId(keyOfStored(member));
    throw unsupported(key, 'delete', `a tier with policies can not be deleted, and ${which} is in it`);
  }
}

async function deleteDependents(store: Store, key: ObjectKey, resourceVersion: string | undefined) {
  const node = await store.get(key);
  if (resourceVersion !== undefined && node.metadata.resourceVersion !== resourceVersion)
    throw new StoreError('conflict', `it is not version '${resourceVersion}'`, { key });
  const found = [...(await ofNode(store, 'WorkloadEndpoint', key.name)), ...(await configurationOf(store, key.name))];
  const dependents = [...found, ...(await ofNode(store, 'HostEndpoint', key.name))];
  const deleted: StoredObject[] = [];
  for (const dependent of dependents) deleted.push(...(await deletedIfThere(store, dependent)));
  return deleted;
}

async function ofNode(store: Store, kind: Kind, node: string): Promise<StoredObject[]> {
  const { items } = await store.list(kind);
  return items.filter(({ spec }) => isMap(spec) && spec.node === node);
}

async function configurationOf(store: Store, node: string): Promise<StoredObject[]> {
  const { items } = await store.list('FelixConfiguration');
  return items.filter(({ metadata }) => metadata.name === `node.${node}`);
}

/**
 * What is gone meanwhile is as good as deleted; what the datastore keeps by itself (endpoints of pods) is its own
 * affair.
 */
async function deletedIfThere(store: Store, object: StoredObject): Promise<StoredObject[]> {
  try {
    return [await store.delete(keyOfStored(object))];
  } catch (error) {
    if (error instanceof StoreError && (error.code === 'not-found' || error.code === 'unsupported')) return [];
    throw error;
  }
}
