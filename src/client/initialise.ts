import { randomUUID } from 'node:crypto';
import { asStoredObject } from '../datastore/as-stored-object.js';
import { type Store, type StoredObject, StoreError } from '../datastore/store.js';
import { isMap } from '../resources/normalise.js';
import { apiVersion } from '../resources/resource-schema.js';
import { initialTiers } from '../resources/tier.js';

/** How a datastore is initialised. */
export interface Initialisation {
  /** An element of `clusterType`: `kdd` where the datastore is Kubernetes. */
  readonly clusterType?: string;
}

/**
 * Makes what Calico's agents wait for in a datastore: ClusterInformation `default`, and the tiers that every datastore
 * has. What is there stays as it is. Source: libcalico-go/lib/clientv3/client.go, EnsureInitialized.
 */
export async function initialise(store: Store, { clusterType }: Initialisation = {}): Promise<void> {
  await ensureClusterInformation(store, clusterType);
  const present = new Set((await store.list('Tier')).items.map(({ metadata }) => metadata.name));
  for (const tier of initialTiers) {
    const object = present.has(tier.metadata.name) ? undefined : asStoredObject(tier);
    if (object !== undefined) await unlessThere(store.create(object));
  }
}

async function ensureClusterInformation(store: Store, clusterType: string | undefined): Promise<void> {
  const key = { kind: 'ClusterInformation', name: 'default' } as const;
  let present: StoredObject;
  try {
    present = await store.get(key);
  } catch (error) {
    if (!isCode(error, 'not-found')) throw error;
    const { kind, name } = key;
    const spec = completed({}, clusterType);
    await unlessThere(store.create({ kind, apiVersion, metadata: { name }, spec }));
    return;
  }
  const spec = isMap(present.spec) ? present.spec : {};
  const next = completed(spec, clusterType);
  const same = Object.keys(next).every((field) => next[field] === spec[field]);
  // Somebody else who changed it meanwhile has completed it, too.
  if (!same) await unlessThere(store.update({ ...present, spec: next }), 'conflict');
}

function completed(spec: Readonly<Record<string, unknown>>, clusterType: string | undefined): Record<string, unknown> {
  return {
    ...spec,
    clusterGUID: spec.clusterGUID || randomUUID().replaceAll('-', ''),
    ...clusterTypeWith(spec.clusterType, clusterType),
    datastoreReady: spec.datastoreReady ?? true,
  };
}

function clusterTypeWith(present: unknown, added: string | undefined): { clusterType?: string } {
  const types = typeof present === 'string' && present !== '' ? present.split(',') : [];
  if (added !== undefined && !types.includes(added)) types.push(added);
  return types.length === 0 ? {} : { clusterType: types.join(',') };
}

async function unlessThere(write: Promise<StoredObject>, code: 'already-exists' | 'conflict' = 'already-exists') {
  try {
    await write;
  } catch (error) {
    if (!isCode(error, code)) throw error;
  }
}

function isCode(error: unknown, code: StoreError['code']): boolean {
  return error instanceof StoreError && error.code === code;
}
