import t from 'tap';
import { contractWorld } from '../kubernetes/contract-world.js';
import { fakeWorld } from '../kubernetes/fake-world.js';
import { load, manifest } from '../kubernetes/manifests.js';
import { sourceSuite } from '../kubernetes/source-suite.js';
import { storeSuite } from '../kubernetes/store-suite.js';
import { sourceContract } from './source-contract.js';

t.test('a source, with the fake API server', async (t) => {
  const world = await fakeWorld();
  t.teardown(() => world.close());
  world.fake.bookmarkMs = 500;
  await load(world.admin, manifest('crds.yaml'));
  await sourceSuite(t, world);
});

t.test('a store, with the fake API server', async (t) => {
  const world = await fakeWorld();
  t.teardown(() => world.close());
  await load(world.admin, manifest('crds.yaml'));
  await storeSuite(t, world);
});

t.test('the contract of sources, with the fake API server', async (t) => {
  const world = await fakeWorld();
  t.teardown(() => world.close());
  await load(world.admin, manifest('crds.yaml'));
  sourceContract(t, () => contractWorld(world));
});
