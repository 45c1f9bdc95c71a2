import t from 'tap';
import { sourceContract } from '../datastore/source-contract.js';
import { contractWorld } from './contract-world.js';
import { noServer, startServer } from './server-for-tests.js';
import { sourceSuite } from './source-suite.js';

t.test('a source, with a real API server', { skip: noServer }, async (t) => {
  const { world } = await startServer();
  t.teardown(() => world.close());
  await t.test('source', (t) => sourceSuite(t, world));
  sourceContract(t, () => contractWorld(world));
});
