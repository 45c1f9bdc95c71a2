import t from 'tap';
import { storeContract } from '../datastore/store-contract.js';
import { contractStore } from './contract-store.js';
import { noServer, startServer } from './server-for-tests.js';
import { storeSuite } from './store-suite.js';

t.test('a store, with a real API server', { skip: noServer }, async (t) => {
  const { world } = await startServer();
  t.teardown(() => world.close());
  await t.test('store', (t) => storeSuite(t, world));
  await t.test('the contract', (t) => storeContract(t, (t) => contractStore(t, world)));
});
