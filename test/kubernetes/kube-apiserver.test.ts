import t from 'tap';
import { apiClient } from '../../src/datastore/kubernetes/client/api-client.js';
import { noCredentials } from '../../src/datastore/kubernetes/client/cluster-access.js';
import { calicoObject } from './cluster.js';
import { inParallel } from './contract-world.js';
import { load, manifest } from './manifests.js';
import { noRealServer, startServer } from './server-for-tests.js';
import { type Followed, follow } from './source-suite.js';

t.test('what only a real API server can do', { skip: noRealServer }, async (t) => {
  const { world, real } = await startServer();
  t.teardown(() => world.close());
  if (real === undefined) throw new Error('there is no real one');
  const sets = '/apis/crd.projectcalico.org/v1/globalnetworksets';
  const create = (name: string) =>
    world.admin.request({ method: 'POST', path: sets, body: calicoObject('GlobalNetworkSet', name, { nets: [] }) });
  const setsOf = ({ seen }: Followed) => [...seen.objects.keys()].filter((key) => key.startsWith('GlobalNetworkSet//'));

  await t.test('the manifests are taken', async (t) => {
    await load(world.admin, manifest('daemonset.yaml'));
    await load(world.admin, manifest('auto-hostendpoints.yaml'));
    const agent = apiClient({ access: async () => world.access('agent'), userAgent: 'margay-tests' });
    t.teardown(() => agent.close());
    const refused = [
      { path: '/api/v1/secrets' },
      { path: '/api/v1/configmaps' },
      { path: '/api/v1/nodes', method: 'POST', body: { metadata: { name: 'x' } } },
      { path: sets, method: 'POST', body: calicoObject('GlobalNetworkSet', 'x', {}) },
    ] as const;
    for (const request of refused) await t.rejects(agent.request(request), { code: 403 }, request.path);
  });

  await t.test('a schema says what is wrong', async (t) => {
    const bad = calicoObject('GlobalNetworkPolicy', 'bad', { ingress: [{ action: 'allow' }] });
    const path = '/apis/crd.projectcalico.org/v1/globalnetworkpolicies';
    await t.rejects(world.admin.request({ method: 'POST', path, body: bad }), {
      code: 422,
      message: /spec.ingress.action/,
    });
  });

  await t.test('killed in the middle of a list', async (t) => {
    await inParallel(
      Array.from({ length: 1500 }, (_, index) => `s${index}`),
      create,
    );
    const followed = follow(t, world);
    await followed.seen.until(() => setsOf(followed).length > 0, 'the first page');
    await world.restart();
    await followed.seen.until(() => followed.seen.inSync, 'the first snapshot');
    t.equal(setsOf(followed).length, 1500);
    await followed.source.catchUp();
  });

  await t.test('stopped by a signal', async (t) => {
    const followed = follow(t, world);
    await followed.seen.until(() => followed.seen.inSync, 'the first snapshot');
    real.signal('SIGSTOP');
    await followed.seen.until(() => followed.seen.connection?.connected === false, 'that nothing is answered');
    real.signal('SIGCONT');
    await followed.seen.until(() => followed.seen.connection?.connected === true, 'the connection');
    await create('after-the-signal');
    await followed.seen.until(() => followed.seen.objects.has('GlobalNetworkSet//after-the-signal'), 'a change');
  });

  await t.test('an etcd that has forgotten what happened, and an API server that was not there', async (t) => {
    const followed = follow(t, world);
    await followed.seen.until(() => followed.seen.inSync, 'the first snapshot');
    followed.seen.clear();
    world.link.cut();
    await world.admin.request({ method: 'DELETE', path: `${sets}/s0` });
    await world.restart(() => real.compact());
    world.link.mend();
    await followed.seen.until(() => followed.seen.log.length > 0, 'the difference');
    await followed.source.catchUp();
    t.strictSame(followed.seen.log, ['delete GlobalNetworkSet//s0']);
  });

  await t.test('client certificates', async (t) => {
    const { cert, key } = world.certificates.client;
    const access = { ...world.access('stranger'), credentials: noCredentials };
    const certified = { ...access, tls: { ...access.tls, cert, key } };
    const client = apiClient({ access: async () => certified, userAgent: 'margay-tests' });
    t.teardown(() => client.close());
    await client.request({ path: '/api/v1/secrets' });
  });
});
