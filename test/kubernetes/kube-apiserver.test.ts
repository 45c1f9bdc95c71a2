import t from 'tap';
import { sourceContract } from '../datastore/source-contract.js';
import { contractWorld } from './contract-world.js';
import { fakeWorld } from './fake-world.js';
import { load, manifest } from './manifests.js';
import { type RealApiServer, realApiServer } from './real-api-server.js';
import { sourceSuite } from './source-suite.js';
import { storeSuite } from './store-suite.js';
import { makeWorld, type World } from './world.js';

/** `npm run test:kubernetes` says where it is; empty: it can't be had, and the fake one stands in. */
const binary = process.env.KUBE_APISERVER;
const skip = binary === undefined ? 'npm run test:kubernetes does this' : false;

t.test('a source and a store, with a real API server', { skip }, async (t) => {
  const { world } = await start();
  t.teardown(() => world.close());
  await load(world.admin, manifest('crds.yaml'));
  await t.test('source', (t) => sourceSuite(t, world));
  await t.test('store', (t) => storeSuite(t, world));
  sourceContract(t, () => contractWorld(world));
});

async function start(): Promise<{ readonly world: World; readonly real?: RealApiServer }> {
  if (!binary) return { world: await fakeWorld() };
  const made: { real?: RealApiServer } = {};
  const world = await makeWorld(async (certificates) => {
    made.real = await realApiServer(binary, certificates);
    return made.real;
  });
  return { world, ...made };
}
