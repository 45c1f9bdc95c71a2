import type { Test } from 'tap';
import { ApiError } from '../../src/datastore/kubernetes/client/api-error.js';
import { listIn, mapIn, textIn } from '../../src/datastore/kubernetes/conversion/native.js';
import { readOnlyBecause } from '../../src/datastore/kubernetes/store/store-part.js';
import { kinds } from '../../src/resources/kinds.js';
import type { StoreUnderTest } from '../datastore/store-contract.js';
import { inParallel } from './contract-world.js';
import { storeOf } from './store-suite.js';
import type { World } from './world.js';

/** Of the contract, and of the samples of all kinds. */
const namespaces = ['a', 'a-b', 'b', 'prod'];
const stored = Object.values(kinds).filter(({ kind }) => readOnlyBecause[kind] === undefined);

/** A store as the contract of stores wants one, without the objects of the test before. */
export async function contractStore(t: Test, world: World): Promise<StoreUnderTest> {
  const { admin } = world;
  await inParallel(namespaces, async (name) => {
    try {
      await admin.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name } } });
    } catch (error) {
      if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
    }
  });
  for (const { plural } of stored) {
    const group = '/apis/crd.projectcalico.org/v1';
    const list = await admin.request({ path: `${group}/${plural}` });
    await inParallel(listIn(list, 'items'), async (item) => {
      const metadata = mapIn(item, 'metadata');
      const namespace = textIn(metadata, 'namespace');
      const within = namespace === undefined ? '' : `/namespaces/${namespace}`;
      await admin.request({ method: 'DELETE', path: `${group}${within}/${plural}/${metadata.name}` });
    });
  }
  return { store: storeOf(t, world), kinds: stored.map(({ kind }) => kind) };
}
