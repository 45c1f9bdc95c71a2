import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { etcdReporter, type ReportSettings } from '../../src/datastore/etcd/etcd-reporter.js';
import { etcdStore } from '../../src/datastore/etcd/etcd-store.js';
import { pendingStatuses } from '../../src/datastore/etcd/pending-statuses.js';
import { statusKeys } from '../../src/datastore/etcd/status-keys.js';
import type { Store, StoredObject, WatchEvent } from '../../src/datastore/store.js';
import { kinds } from '../../src/resources/kinds.js';
import { type EtcdServer, etcdMissing, startEtcd } from '../lab/etcd.js';
import { startProxy } from '../lab/tcp-proxy.js';
import { clientOf, keyOf, QUICK_SERVER, writerOf } from './etcd-world.js';
import { storeContract } from './store-contract.js';

const missing = etcdMissing();
const skip = missing === undefined ? {} : { skip: missing };
const apiVersion = 'projectcalico.org/v3';

async function server(t: Test): Promise<EtcdServer> {
  const started = await startEtcd({ args: QUICK_SERVER });
  t.teardown(() => started.close());
  return started;
}

function storeOf(t: Test, url: string): Store {
  const store = etcdStore({ url: 'etcd:test', client: clientOf([url]) });
  t.teardown(() => store.close());
  return store;
}

function networkSet(name: string, namespace: string, ...nets: readonly string[]): StoredObject {
  return { apiVersion, kind: 'NetworkSet', metadata: { name, namespace }, spec: { nets } };
}

const names = ({ items }: { items: readonly StoredObject[] }) =>
  items.map(({ metadata: { namespace, name } }) => (namespace === undefined ? name : `${namespace}/${name}`));

/** There is a profile that nobody has written. */
const LISTED_AS_WRITTEN = Object.values(kinds).flatMap(({ kind }) => (kind === 'Profile' ? [] : [kind]));

t.test('the contract of stores', skip, (t) =>
  storeContract(t, async (t) => ({ store: storeOf(t, (await server(t)).url), kinds: LISTED_AS_WRITTEN })),
);

t.test('objects are stored as Calico stores them', skip, async (t) => {
  const etcd = await server(t);
  const writer = writerOf(etcd);
  const store = storeOf(t, etcd.url);
  const plain: StoredObject = {
    kind: 'HostEndpoint',
    apiVersion,
    metadata: { name: 'h1-eth0', labels: { type: 'production' }, resourceVersion: '7', selfLink: 'x', uid: 'mine' },
    spec: { node: 'h1', interfaceName: 'eth0', ports: [{ name: 'http', protocol: 'TCP', port: 80 }] },
    status: {},
  };
  const created = await store.create(plain);
  const { uid, creationTimestamp, resourceVersion } = created.metadata;
  t.match(uid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  t.match(creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  t.equal(resourceVersion, String(await writer.revision()));
  // What calicoctl of Calico 3.32 stores for the same object, byte for byte.
  t.equal(
    await writer.read('/calico/resources/v3/projectcalico.org/hostendpoints/h1-eth0'),
    `{"kind":"HostEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"h1-eth0","uid":"${uid}",` +
      `"creationTimestamp":"${creationTimestamp}","labels":{"type":"production"}},"spec":{"node":"h1",` +
      '"interfaceName":"eth0","ports":[{"name":"http","protocol":"TCP","port":80}]},"status":{}}',
  );
  t.strictSame(await store.get({ kind: 'HostEndpoint', name: 'h1-eth0' }), created);

  for (const kind of [
    'NetworkPolicy',
    'StagedNetworkPolicy',
    'GlobalNetworkPolicy',
    'StagedGlobalNetworkPolicy',
  ] as const) {
    const metadata = { name: 'p', ...(!kind.includes('Global') && { namespace: 'ns' }), annotations: { a: 'b' } };
    const policy = await store.create({ kind, apiVersion, metadata, spec: { tier: 'default' } });
    t.strictSame(policy.metadata.annotations, { a: 'b' }, `${kind}: how the name is kept is not shown`);
    const raw = JSON.parse((await writer.read(keyOf({ ...metadata, kind }))) ?? '');
    t.strictSame(raw.metadata.annotations, { a: 'b', 'projectcalico.org/metadata': '{"name":"p"}' });
    t.strictSame(await store.get({ ...metadata, kind }), policy);
  }
  const other = await store.create({
    kind: 'StagedKubernetesNetworkPolicy',
    apiVersion,
    metadata: { name: 'p', namespace: 'ns' },
    spec: { podSelector: {} },
  });
  t.equal(other.metadata.annotations, undefined, 'only those four kinds');
  t.notMatch(
    await writer.read(keyOf({ kind: 'StagedKubernetesNetworkPolicy', namespace: 'ns', name: 'p' })),
    'projectcalico.org/metadata',
  );
});

t.test('create, update, delete', skip, async (t) => {
  const etcd = await server(t);
  const store = storeOf(t, etcd.url);
  const key = { kind: 'NetworkSet', namespace: 'ns', name: 'a' };
  await t.rejects(store.get(key), { code: 'not-found', message: 'NetworkSet ns/a does not exist', key });
  await t.rejects(store.update(networkSet('a', 'ns')), { code: 'not-found' });
  await t.rejects(store.delete(key), { code: 'not-found' });
  const first = await store.create(networkSet('a', 'ns', '10.0.0.1'));
  await t.rejects(store.create(networkSet('a', 'ns')), {
    code: 'already-exists',
    message: 'NetworkSet ns/a already exists',
  });
  t.strictSame(await store.get(key), first);

  const second = await store.update({ ...first, spec: { nets: ['10.0.0.2'] } });
  t.equal(second.metadata.uid, first.metadata.uid);
  t.equal(second.metadata.creationTimestamp, first.metadata.creationTimestamp);
  t.not(second.metadata.resourceVersion, first.metadata.resourceVersion);
  await t.rejects(store.update({ ...first, spec: {} }), { code: 'conflict', message: /has been changed since/ });
  await t.rejects(store.delete(key, first.metadata.resourceVersion), { code: 'conflict' });
  const third = await store.update(networkSet('a', 'ns', '10.0.0.3'));
  t.match(third, { metadata: { uid: first.metadata.uid }, spec: { nets: ['10.0.0.3'] } }, 'whatever version is there');
  const racing = Array.from({ length: 5 }, (_, index) => store.update(networkSet('a', 'ns', `10.0.1.${index}`)));
  await Promise.all(racing);
  const last = await store.get(key);
  t.strictSame(await store.delete(key, last.metadata.resourceVersion), last);
  await t.rejects(store.get(key), { code: 'not-found' });
  const again = await store.create(networkSet('a', 'ns'));
  t.not(again.metadata.uid, first.metadata.uid);

  await t.rejects(store.update({ ...again, metadata: { ...again.metadata, resourceVersion: 'x' } }), {
    code: 'invalid',
  });
  await t.rejects(store.create(networkSet('a/b', 'ns')), { code: 'invalid', message: /slash/ });
  await t.rejects(store.create({ ...networkSet('a', 'ns'), metadata: { name: 'a' } }), { code: 'invalid' });
  await t.rejects(store.get({ kind: 'IPPool', name: 'pool' }), { code: 'unsupported' });
});

t.test('lists', skip, async (t) => {
  const etcd = await server(t);
  const writer = writerOf(etcd);
  const store = storeOf(t, etcd.url);
  t.strictSame((await store.list('NetworkSet')).items, []);
  for (const [name, namespace] of [
    ['b', 'ns'],
    ['a', 'ns-b'],
    ['c', 'ns'],
    ['a', 'ns.c'],
    ['z', 'nsx'],
  ] as const)
    await store.create(networkSet(name, namespace));
  const listing = await store.list('NetworkSet');
  t.strictSame(names(listing), ['ns/b', 'ns/c', 'ns-b/a', 'ns.c/a', 'nsx/z']);
  t.equal(listing.resourceVersion, String(await writer.revision()));
  t.strictSame(names(await store.list('NetworkSet', 'ns')), ['ns/b', 'ns/c']);
  await writer.putRaw('/calico/resources/v3/projectcalico.org/networksets/ns/garbage', '{');
  await writer.putRaw('/calico/resources/v3/projectcalico.org/networksets/too/many/parts', '{}');
  t.equal((await store.list('NetworkSet')).items.length, 5);
  await t.rejects(store.get({ kind: 'NetworkSet', namespace: 'ns', name: 'garbage' }), {
    code: 'internal',
    message: /value of \/calico.*garbage in etcd is garbage/,
  });
  await store.update(networkSet('garbage', 'ns'));
  t.match(await store.get({ kind: 'NetworkSet', namespace: 'ns', name: 'garbage' }), { metadata: { uid: /-/ } });
  await writer.put(...Array.from({ length: 4100 }, (_, index) => ({ ...networkSet(`n${index}`, 'many'), spec: {} })));
  t.equal((await store.list('NetworkSet', 'many')).items.length, 4100, 'of more than a page');
});

t.test('a list is of one moment', skip, async (t) => {
  const etcd = await server(t);
  const writer = writerOf(etcd);
  const real = clientOf([etcd.url]);
  let pages = 0;
  const client: typeof real = {
    ...real,
    async range(request, options) {
      pages += 1;
      if (pages === 2) await writer.delete({ kind: 'NetworkSet', namespace: 'ns', name: 'n2999' });
      return real.range(request, options);
    },
  };
  const store = etcdStore({ url: 'etcd:test', client });
  t.teardown(() => store.close());
  await writer.put(...Array.from({ length: 3000 }, (_, index) => ({ ...networkSet(`n${index}`, 'ns'), spec: {} })));
  const revision = await writer.revision();
  const { items, resourceVersion } = await store.list('NetworkSet');
  t.strictSame([pages, items.length, resourceVersion], [2, 3000, String(revision)]);
});

t.test('the profile that is always there', skip, async (t) => {
  const etcd = await server(t);
  const store = storeOf(t, etcd.url);
  const key = { kind: 'Profile', name: 'projectcalico-default-allow' };
  const object = { kind: 'Profile', apiVersion, metadata: { name: key.name }, spec: {} } as const;
  t.match(await store.get(key), { metadata: { resourceVersion: '1' }, spec: { ingress: [{ action: 'Allow' }] } });
  await store.create({ ...object, metadata: { name: 'zz' } });
  await store.create({ ...object, metadata: { name: 'aa' } });
  t.strictSame(names(await store.list('Profile')), ['aa', key.name, 'zz']);
  await t.rejects(store.create(object), { code: 'already-exists' });
  await t.rejects(store.update(object), { code: 'unsupported', message: /provided by Calico, and can not be changed/ });
  await t.rejects(store.delete(key), { code: 'unsupported' });
});

t.test('policies that an old Calico has stored', skip, async (t) => {
  const etcd = await server(t);
  const writer = writerOf(etcd);
  const store = storeOf(t, etcd.url);
  const old = (name: string, tier: string) => ({
    kind: 'GlobalNetworkPolicy',
    apiVersion,
    metadata: { name, uid: 'u', creationTimestamp: '2024-01-01T00:00:00Z' },
    spec: { tier },
  });
  await writer.put(old('default.a', 'default'), old('default.b', ''), old('t1.c', 't1'), old('default.d', 't1'));
  t.strictSame(names(await store.list('GlobalNetworkPolicy')), ['a', 'b', 'default.d', 't1.c']);
  const key = { kind: 'GlobalNetworkPolicy', name: 'a' };
  const policy = await store.get(key);
  t.match(policy, { metadata: { name: 'a', uid: 'u' } });
  t.strictSame(await store.get({ ...key, name: 'default.a' }), policy, 'calicoctl finds it so only');
  await t.rejects(store.get({ ...key, name: 'd' }), { code: 'not-found' }, 'which is not in the tier default');
  await t.rejects(store.create({ kind: 'GlobalNetworkPolicy', apiVersion, metadata: { name: 'a' }, spec: {} }), {
    code: 'already-exists',
  });
  await store.update({ ...policy, spec: { tier: 'default', order: 5 } });
  const raw = JSON.parse((await writer.read(keyOf({ ...key, name: 'default.a' }))) ?? '');
  t.match(raw, {
    metadata: { name: 'a', annotations: { 'projectcalico.org/metadata': '{"name":"a"}' } },
    spec: { order: 5 },
  });
  t.match(await store.get(key), { metadata: { name: 'a' }, spec: { order: 5 } });
  await store.delete(key);
  t.strictSame(names(await store.list('GlobalNetworkPolicy')), ['b', 'default.d', 't1.c']);
});

/** Reads until there are so many. */
async function take(events: AsyncIterable<WatchEvent>, count: number): Promise<string[]> {
  const taken: string[] = [];
  for await (const { type, object } of events) {
    taken.push(`${type} ${object.metadata.name} ${JSON.stringify(object.spec)}`);
    if (taken.length === count) break;
  }
  return taken;
}

t.test('watches', skip, async (t) => {
  const etcd = await server(t);
  const proxy = await startProxy(Number(new URL(etcd.url).port));
  t.teardown(() => proxy.close());
  const writer = writerOf(etcd);
  const store = storeOf(t, `http://127.0.0.1:${proxy.port}`);
  const { signal } = new AbortController();
  await writer.putRaw(keyOf({ kind: 'NetworkSet', namespace: 'ns', name: 'a' }), '{"spec":{"nets":["10.0.0.1"]}}');
  const { resourceVersion } = await store.list('NetworkSet');
  const direct = storeOf(t, etcd.url);
  await direct.update(networkSet('a', 'ns', '10.0.0.2'));
  await direct.create(networkSet('b', 'ns'));
  await direct.create(networkSet('other', 'elsewhere'));
  await writer.putRaw(keyOf({ kind: 'NetworkSet', namespace: 'ns', name: 'garbage' }), '{');
  await direct.delete({ kind: 'NetworkSet', namespace: 'ns', name: 'a' });
  const expected = ['modified a {"nets":["10.0.0.2"]}', 'added b {"nets":[]}', 'deleted a {"nets":["10.0.0.2"]}'];
  t.strictSame(await take(store.watch('NetworkSet', { namespace: 'ns', resourceVersion, signal }), 3), expected);
  t.strictSame(
    await take(store.watch('NetworkSet', { resourceVersion, signal }), 4),
    expected.toSpliced(2, 0, 'added other {"nets":[]}'),
  );

  const events = store.watch('NetworkSet', { namespace: 'ns', resourceVersion, signal })[Symbol.asyncIterator]();
  t.match(await events.next(), { value: { type: 'modified' } });
  await proxy.cut();
  await direct.create(networkSet('c', 'ns'));
  await proxy.restore();
  const rest = { [Symbol.asyncIterator]: () => events };
  t.strictSame(await take(rest, 3), [...expected.slice(1), 'added c {"nets":[]}'], 'over a lost connection');

  const controller = new AbortController();
  const ending = take(
    store.watch('NetworkSet', { resourceVersion: String(await writer.revision()), signal: controller.signal }),
    1,
  );
  controller.abort();
  t.strictSame(await ending, [], 'ends without an error');
  await writer.compact();
  await t.rejects(take(store.watch('NetworkSet', { resourceVersion, signal }), 1), { code: 'expired' });
  await t.rejects(take(store.watch('NetworkSet', { resourceVersion: 'x', signal }), 1), { code: 'invalid' });
});

t.test('a watch notices that the store has lost its data', skip, async (t) => {
  const etcd = await server(t);
  const store = storeOf(t, etcd.url);
  await store.create(networkSet('a', 'ns'));
  const { resourceVersion } = await store.create(networkSet('b', 'ns')).then(() => store.list('NetworkSet'));
  const { signal } = new AbortController();
  const watched = take(store.watch('NetworkSet', { resourceVersion, signal }), 1);
  await etcd.wipe();
  await etcd.start();
  await t.rejects(watched, { code: 'expired' });
});

t.test('a store that is not there', skip, async (t) => {
  const etcd = await server(t);
  const proxy = await startProxy(Number(new URL(etcd.url).port));
  t.teardown(() => proxy.close());
  const store = storeOf(t, `http://127.0.0.1:${proxy.port}`);
  const key = { kind: 'NetworkSet', namespace: 'ns', name: 'a' };
  await store.create(networkSet('a', 'ns', '10.0.0.1'));
  proxy.mute();
  const changed = store.update(networkSet('a', 'ns', '10.0.0.2'));
  await t.rejects(changed, { code: 'unreachable' }, 'a read that is not answered');
  await proxy.cut();
  await t.rejects(store.get(key), { code: 'unreachable', message: /nothing listens there/, key });
  await t.rejects(store.create(networkSet('b', 'ns')), { code: 'unreachable', message: /nothing listens there/ });
  await proxy.restore();
  t.match(await store.get(key), { spec: { nets: ['10.0.0.1'] } });
});

t.test('a change whose answer gets lost is not made twice', skip, async (t) => {
  const etcd = await server(t);
  const proxy = await startProxy(Number(new URL(etcd.url).port));
  t.teardown(() => proxy.close());
  // The second endpoint is the same server.
  const client = clientOf([`http://127.0.0.1:${proxy.port}`, etcd.url]);
  t.teardown(() => client.close());
  const put = { key: '/a', value: Buffer.from('x') };
  await client.txn({ compare: [], success: [{ requestPut: put }], failure: [] });
  proxy.mute();
  await t.rejects(client.txn({ compare: [], success: [{ requestPut: put }], failure: [] }), {
    code: 'uncertain',
    message: /not known whether the change was made/,
  });
  const { kvs } = await client.range({ key: '/a' });
  t.match(kvs, [{ key: '/a' }], 'what only reads goes to the next endpoint');
  t.equal((await client.range({ key: '/a' })).header.revision, 3);
});

t.test('keys of statuses', async (t) => {
  const keys = statusKeys('node0', '');
  t.equal(
    keys.endpoint({ kind: 'HostEndpoint', name: 'node0-eth0', state: 'up' }),
    '/calico/felix/v1/host/node0/endpoint/node0-eth0',
  );
  t.equal(
    keys.endpoint({ kind: 'WorkloadEndpoint', namespace: 'ns', name: 'node0-k8s-pod--1-eth0', state: 'up' }),
    '/calico/felix/v2/no-region/host/node0/workload/k8s/ns%2fpod-1/endpoint/eth0',
  );
  t.equal(keys.endpoint({ kind: 'WorkloadEndpoint', namespace: 'ns', name: 'nonsense', state: 'up' }), undefined);
  t.equal(statusKeys('node0', 'north').active, '/calico/felix/v2/region-north/host/node0/status');
});

t.test('statuses that are to be written', async (t) => {
  const pending = pendingStatuses();
  const all = () => {
    const writes: string[] = [];
    for (let write = pending.next(); write !== undefined; write = pending.next()) {
      writes.push(`${write.key}=${write.value}`);
      pending.written(write);
    }
    return writes;
  };
  t.strictSame(all(), []);
  pending.want(
    new Map([
      ['a', '1'],
      ['b', '1'],
    ]),
  );
  t.strictSame(pending.next(), pending.next(), 'it is the same until it is written');
  t.strictSame(all(), ['a=1', 'b=1']);
  pending.want(
    new Map([
      ['a', '2'],
      ['c', '1'],
    ]),
  );
  t.strictSame(all(), ['a=2', 'c=1', 'b=undefined']);
  pending.want(
    new Map([
      ['a', '3'],
      ['c', '1'],
    ]),
  );
  pending.want(
    new Map([
      ['a', '2'],
      ['c', '1'],
    ]),
  );
  t.strictSame(all(), [], 'there and back again');
  pending.found(
    new Map([
      ['a', '2'],
      ['stale', '1'],
      ['c', 'other'],
    ]),
  );
  t.strictSame(all(), ['c=1', 'stale=undefined']);
  pending.want(
    new Map([
      ['a', '4'],
      ['c', '1'],
    ]),
  );
  const early = pending.next();
  pending.want(
    new Map([
      ['a', '5'],
      ['c', '1'],
    ]),
  );
  if (early !== undefined) pending.written(early);
  t.strictSame(all(), ['a=5'], 'what has changed while it was written is written again');
});

t.test('reports', skip, async (t) => {
  const etcd = await server(t);
  const proxy = await startProxy(Number(new URL(etcd.url).port));
  t.teardown(() => proxy.close());
  const writer = writerOf(etcd);
  const problems: (string | undefined)[] = [];
  let wake = (): void => undefined;
  const client = clientOf([`http://127.0.0.1:${proxy.port}`]);
  const reporter = etcdReporter({
    node: 'node0',
    client,
    problem(reason) {
      problems.push(reason);
      wake();
    },
    firstMs: 0,
  });
  t.teardown(() => reporter.stop());
  const settings: ReportSettings = { endpoints: true, endpointDelayMs: 5, intervalMs: 20, ttlSeconds: 1, region: '' };
  const { active, last } = statusKeys('node0', '');
  const [host, workload] = ['/calico/felix/v1/host/node0/endpoint/', '/calico/felix/v2/no-region/host/node0/workload/'];
  await writer.putRaw(`${host}stale`, '{"status":"up"}');
  await writer.putRaw(`${workload}k8s/ns%2fstale/endpoint/eth0`, '{"status":"up"}');
  await writer.putRaw('/calico/felix/v1/host/node1/endpoint/other', '{"status":"up"}');
  reporter.configure(settings);
  await untilRead(writer, active, (text) => text !== undefined);
  t.equal(await writer.read(`${host}stale`), '{"status":"up"}', 'nothing is removed before the endpoints are known');

  reporter.endpoints([
    { kind: 'HostEndpoint', name: 'h', state: 'up' },
    { kind: 'WorkloadEndpoint', namespace: 'ns', name: 'node0-k8s-pod-eth0', state: 'down' },
  ]);
  await untilRead(writer, `${workload}k8s/ns%2fpod/endpoint/eth0`, (text) => text === '{"status":"down"}');
  await untilRead(writer, `${workload}k8s/ns%2fstale/endpoint/eth0`, (text) => text === undefined);
  await untilRead(writer, `${host}stale`, (text) => text === undefined);
  t.equal(await writer.read(`${host}h`), '{"status":"up"}');
  t.equal(await writer.read('/calico/felix/v1/host/node1/endpoint/other'), '{"status":"up"}');

  const first = JSON.parse((await writer.read(last)) ?? '');
  t.match(first, { time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, uptime: Number, first_update: Boolean });
  await untilRead(writer, last, (text) => text?.includes('"first_update":false') ?? false);
  // The two are written one after the other.
  while ((await writer.read(active)) !== (await writer.read(last))) await pause(5);

  await proxy.cut();
  reporter.endpoints([{ kind: 'HostEndpoint', name: 'h', state: 'error' }]);
  await new Promise<void>((resolve) => {
    wake = resolve;
    if (problems.length > 0) resolve();
  });
  t.match(problems, [/nothing listens|connection/]);
  await untilRead(writer, active, (text) => text === undefined);
  t.type(await writer.read(last), 'string', 'the time of the last report stays');
  await proxy.restore();
  await untilRead(writer, `${host}h`, (text) => text === '{"status":"error"}');
  await untilRead(writer, `${workload}k8s/ns%2fpod/endpoint/eth0`, (text) => text === undefined);
  await untilRead(writer, active, (text) => text !== undefined);
  t.equal(problems.at(-1), undefined);

  reporter.configure({ ...settings, ttlSeconds: 1000 });
  await untilRead(writer, active, (text) => text === undefined);
  await untilRead(writer, active, (text) => text !== undefined);
  reporter.configure({ ...settings, ttlSeconds: 1000, intervalMs: 0, endpoints: false });
  await untilRead(writer, active, (text) => text === undefined);
  t.equal(await writer.read(`${host}h`), '{"status":"error"}');
  reporter.configure({ ...settings, ttlSeconds: 60, region: 'north' });
  await untilRead(writer, statusKeys('node0', 'north').active, (text) => text !== undefined);
  await reporter.stop();
  t.type(await writer.read(statusKeys('node0', 'north').active), 'string', 'a restart is no end');
});

/** Reads a key until it is so. */
async function untilRead(
  writer: ReturnType<typeof writerOf>,
  key: string,
  isSo: (text: string | undefined) => boolean,
): Promise<void> {
  while (!isSo(await writer.read(key)));
}
