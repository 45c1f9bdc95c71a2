import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runProgram } from '../../src/cli/program.js';
import { type Access, type AccessFiles, readAccess } from '../../src/datastore/etcd/access.js';
import { catchUps, type Look, type Position } from '../../src/datastore/etcd/catch-ups.js';
import { EtcdError } from '../../src/datastore/etcd/etcd-error.js';
import type { EtcdSourceOptions } from '../../src/datastore/etcd/etcd-source.js';
import type { WatchResponse } from '../../src/datastore/etcd/messages.js';
import { readResource } from '../../src/datastore/etcd/read-resource.js';
import { parsePath, type ResourcePath } from '../../src/datastore/etcd/resource-path.js';
import { type ResourceTable, resourceTable } from '../../src/datastore/etcd/resource-table.js';
import type { SourceEvent } from '../../src/datastore/source.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { createAuthority } from '../lab/certificates.js';
import { type EtcdServer, etcdMissing, startCluster, startEtcd } from '../lab/etcd.js';
import { startProxy } from '../lab/tcp-proxy.js';
import { clientOf, clusterInformation, keyOf, QUICK_SERVER, sourceOf, writerOf } from './etcd-world.js';
import { followSource } from './follow-source.js';
import { set, sourceContract } from './source-contract.js';

const missing = etcdMissing();
const skip = missing === undefined ? {} : { skip: missing };

const portOf = (url: string) => Number(new URL(url).port);

async function server(t: Test, options = {}): Promise<EtcdServer> {
  const started = await startEtcd({ args: QUICK_SERVER, ...options });
  t.teardown(() => started.close());
  return started;
}

function follow(t: Test, urls: readonly string[], times?: EtcdSourceOptions['times']) {
  const source = sourceOf(clientOf(urls), times);
  t.teardown(() => source.stop());
  return { source, ...followSource(source) };
}

t.test('the contract of sources', skip, async (t) => {
  const etcd = await server(t);
  const writer = writerOf(etcd);
  sourceContract(t, async () => {
    const proxy = await startProxy(portOf(etcd.url));
    await writer.clear();
    await writer.ready();
    return {
      source: () => sourceOf(clientOf([`http://127.0.0.1:${proxy.port}`])),
      put: writer.put,
      delete: writer.delete,
      putGarbage: (key) => writer.putRaw(keyOf(key), '{"kind": '),
      putUnknown: () => writer.putRaw('/calico/resources/v3/projectcalico.org/ippools/pool', '{"kind":"IPPool"}'),
      cut: proxy.cut,
      restore: proxy.restore,
      close: proxy.close,
    };
  });
});

t.test('which key is which object', async (t) => {
  const key = (rest: string) => parsePath(`/calico/resources/v3/projectcalico.org/${rest}`);
  t.strictSame(key('hostendpoints/h'), { kind: 'HostEndpoint', name: 'h' });
  t.strictSame(key('networkpolicies/ns/p'), { kind: 'NetworkPolicy', namespace: 'ns', name: 'p' });
  t.strictSame(key('globalnetworksets/a%2fb%25'), { kind: 'GlobalNetworkSet', name: 'a/b%' });
  for (const none of [
    'hostendpoints',
    'hostendpoints/',
    'hostendpoints/a/b',
    'networkpolicies/p',
    'networkpolicies/a/b/c',
  ])
    t.equal(key(none), undefined, none);
  for (const none of ['networkpolicies//p', 'ippools/p', 'constructor/x', '']) t.equal(key(none), undefined, none);
  t.equal(parsePath('/calico/ipam/v2/host/h'), undefined);
});

t.test('what a value says', async (t) => {
  const read = (path: ResourcePath, text: string) => readResource(path, Buffer.from(text), checkSelector);
  const path = { kind: 'GlobalNetworkSet', name: 'a' } as const;
  const nets = JSON.stringify({ spec: { nets: ['10.0.0.1'] }, metadata: { name: 'other', labels: { x: 'y' } } });
  const { name, as } = read(path, nets);
  t.match(
    [name, as(name)],
    ['a', { valid: true, resource: { kind: 'GlobalNetworkSet', metadata: { name: 'a', labels: { x: 'y' } } } }],
    'the key decides which object it is',
  );
  const problems: readonly (readonly [string, RegExp])[] = [
    ['', /not a JSON object/],
    ['{"spec":', /not a JSON object/],
    ['null', /not a JSON object/],
    ['[]', /not a JSON object/],
    ['"x"', /not a JSON object/],
    ['\xff\xfe', /not a JSON object/],
    ['{"kind":"Pod"}', /kind "Pod" is kept as a GlobalNetworkSet/],
    ['{"apiVersion":"v1"}', /apiVersion must be projectcalico.org\/v3/],
    ['{"spec":{"nets":["nonsense"]}}', /nonsense/],
  ];
  for (const [text, message] of problems)
    t.match(read(path, text).as('a'), { valid: false, issues: [{ message }] }, JSON.stringify(text));
  const policy = { kind: 'GlobalNetworkPolicy', name: 'p' } as const;
  const annotated = (annotation: string) =>
    JSON.stringify({ metadata: { annotations: { 'projectcalico.org/metadata': annotation } }, spec: {} });
  t.match(read(policy, annotated('{')).as('p'), { valid: false, issues: [{ message: /projectcalico.org\/metadata/ }] });
  t.equal(read(policy, annotated('{"name":"q"}')).name, 'p', 'a name that belongs to another key');
  const parsed = read(policy, annotated('{"name":"p"}')).as('p');
  t.match(parsed, { valid: true, warnings: [], resource: { metadata: { name: 'p', annotations: undefined } } });
});

t.test('policies that an old Calico has stored under default.NAME', async (t) => {
  const path = '/calico/resources/v3/projectcalico.org/globalnetworkpolicies/';
  let revision = 0;
  const kv = (name: string, value = '{"spec":{}}') => ({
    key: `${path}${name}`,
    createRevision: 1,
    modRevision: ++revision,
    value: Buffer.from(value),
  });
  const text = (events: readonly SourceEvent[] | undefined) =>
    events?.map((event) => {
      if (event.type === 'problems') return 'problems';
      const name = event.type === 'update' && event.parsed.valid ? event.parsed.resource.metadata.name : '';
      return `${event.type} ${event.key.name}${name === '' || name === event.key.name ? '' : ` but ${name}`}`;
    });
  const listed = (table: ResourceTable, ...kvs: ReturnType<typeof kv>[]) => {
    const listing = table.list();
    return text([...listing.page(kvs), ...listing.end()]);
  };
  const inOtherTier = '{"spec":{"tier":"t1"}}';
  const written = (name: string) =>
    JSON.stringify({ metadata: { annotations: { 'projectcalico.org/metadata': JSON.stringify({ name }) } }, spec: {} });

  const table = resourceTable(checkSelector);
  const [oldA, oldB, plainB, otherTier, dotted] = [
    kv('default.a'),
    kv('default.b'),
    kv('b'),
    kv('default.c', inOtherTier),
    kv('default.d', written('default.d')),
  ];
  t.strictSame(
    listed(table, oldA, oldB, plainB, otherTier, dotted),
    ['update b', 'update a', 'update default.b', 'update default.c', 'update default.d'],
    'the prefix goes, unless that makes two of one name',
  );
  t.strictSame(text(table.put(kv('default.a'))), ['update a']);
  t.strictSame(text(table.put(kv('default.a', '{'))), ['update a'], 'garbage is garbage of the same object');
  t.strictSame(text(table.put(kv('default.a', inOtherTier))), ['delete a', 'update default.a']);
  const back = kv('default.a');
  t.strictSame(text(table.put(back)), ['delete default.a', 'update a']);
  t.strictSame(text(table.put(kv('default.b'))), ['update default.b']);

  const plainA = kv('a');
  t.equal(table.put(plainA), undefined, 'now a is somebody else');
  const [newB, newC] = [kv('default.b'), otherTier];
  t.strictSame(listed(table, plainA, back, newB, plainB, newC, dotted), [
    'update a',
    'update default.a',
    'update default.b',
  ]);
  t.strictSame(listed(table, plainA, back, newB, plainB, newC, dotted), [], 'nothing differs');
  t.equal(table.delete(plainA.key, ++revision), undefined);
  t.strictSame(listed(table, back, newB, plainB, newC, dotted), ['update a', 'delete default.a']);
  t.strictSame(text(table.delete(back.key, ++revision)), ['delete a']);
  t.strictSame(text(table.put(kv('x'))), ['update x']);
  t.equal(table.size, 5);
});

t.test('which changes of keys are news', async (t) => {
  const kv = (name: string, modRevision: number) => ({
    key: keyOf({ kind: 'GlobalNetworkSet', name }),
    createRevision: 1,
    modRevision,
    value: Buffer.from('{"spec":{}}'),
  });
  const table = resourceTable(checkSelector);
  const list = (...kvs: ReturnType<typeof kv>[]) => {
    const listing = table.list();
    return [listing.page(kvs).length, listing.end().length];
  };
  t.strictSame(
    list(kv('a', 1), kv('b', 2), { ...kv('c', 3), key: '/calico/resources/v3/projectcalico.org/x/c' }),
    [2, 0],
  );
  t.equal(table.size, 3, 'keys that are no objects are counted');
  t.strictSame(table.put(kv('a', 1)), [], 'known');
  t.strictSame(table.delete(kv('a', 1).key, 1), [], 'of before it was put');
  t.equal(table.put(kv('a', 5))?.length, 1);
  t.equal(table.delete(kv('a', 1).key, 6)?.length, 1);
  t.strictSame(table.delete(kv('a', 1).key, 6), []);
  t.strictSame(list(kv('b', 2)), [0, 0]);
  table.forgetRevisions();
  t.strictSame(list(kv('b', 2)), [0, 1], 'of another store');
});

t.test('the datastore says when it is ready', skip, async (t) => {
  const etcd = await server(t);
  const writer = writerOf(etcd);
  await writer.put(set('a', '10.0.0.1'));
  const f = follow(t, [etcd.url]);
  await f.until(() => f.connection()?.reason !== undefined);
  t.match(f.connection(), { connected: true, reason: /no ClusterInformation default/ });
  await writer.put(clusterInformation());
  await f.until(() => /not set/.test(f.connection()?.reason ?? ''));
  await writer.putRaw(keyOf({ kind: 'ClusterInformation', name: 'default' }), 'garbage');
  await f.until(() => /can not be read/.test(f.connection()?.reason ?? ''));
  await writer.ready(false);
  await f.until(() => /datastoreReady .* is false/.test(f.connection()?.reason ?? ''));
  await t.rejects(f.source.catchUp(), /datastoreReady/);
  t.strictSame([f.told(), f.synced()], [[], 0]);
  await writer.ready();
  await f.until(() => f.synced() === 1);
  t.equal(f.state(), 'a=10.0.0.1');
  t.strictSame(f.connection(), { connected: true });

  const told = f.told().length;
  await writer.ready(false);
  await writer.put(set('a', '10.0.0.2'), set('b', '10.0.0.3'));
  await f.until(() => f.connection()?.reason !== undefined);
  t.match(f.connection(), { connected: true, reason: /datastoreReady .* is false/ });
  await t.rejects(f.source.catchUp(), /datastoreReady/);
  await writer.delete({ kind: 'GlobalNetworkSet', name: 'a' });
  t.equal(f.told().length, told, 'what is changed meanwhile does not count');
  await writer.ready();
  await f.until(() => f.connection()?.reason === undefined);
  await f.source.catchUp();
  t.equal(f.state(), 'b=10.0.0.3');

  await writer.putRaw(keyOf({ kind: 'ClusterInformation', name: 'default' }), '{');
  await writer.put(set('c', '10.0.0.4'));
  await f.source.catchUp();
  t.equal(f.state(), 'b=10.0.0.3 c=10.0.0.4', 'garbage does not make it unready');
  await writer.delete({ kind: 'ClusterInformation', name: 'default' });
  await f.until(() => f.connection()?.reason !== undefined);
  t.equal(f.state(), 'b=10.0.0.3 c=10.0.0.4');
  t.equal(f.synced(), 1);
});

t.test('what it takes to have caught up', async (t) => {
  let [position, now]: [Position | undefined, Look] = [undefined, { revision: 10, keys: 3, hasNewer: false }];
  const looks: number[] = [];
  const waiting = catchUps(
    () => position,
    async (since) => {
      looks.push(since);
      return now;
    },
  );
  const isDone = async (wait: Promise<void>) => {
    let done = false;
    void wait.then(() => {
      done = true;
    });
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    return done;
  };
  const first = waiting.wait();
  t.notOk(await isDone(first), 'not before the watch has begun');
  position = { revision: 5, keys: 3 };
  waiting.moved();
  t.ok(await isDone(first), 'nothing of ours has changed since');

  now = { revision: 20, keys: 2, hasNewer: false };
  const deletion = waiting.wait();
  t.notOk(await isDone(deletion), 'a key is missing that has not been reported as deleted');
  position = { revision: 15, keys: 2 };
  waiting.moved();
  t.ok(await isDone(deletion));

  now = { revision: 30, keys: 2, hasNewer: true };
  const change = waiting.wait();
  t.notOk(await isDone(change));
  position = { revision: 29, keys: 2 };
  waiting.moved();
  t.notOk(await isDone(change));
  position = { revision: 30, keys: 2 };
  waiting.moved();
  t.ok(await isDone(change), 'it has come as far as the datastore was at the call, whatever came later');
  t.strictSame(looks, [5, 5, 15, 15, 29], 'and it is not looked without a reason');

  const hopeless = waiting.wait();
  waiting.fail('gone');
  await t.rejects(hopeless, { message: 'gone' });
});

t.test('changes elsewhere in etcd hold nobody up', skip, async (t) => {
  const etcd = await server(t);
  const writer = writerOf(etcd);
  await writer.ready();
  await writer.put(set('a', '10.0.0.1'), set('b', '10.0.0.1'));
  const f = follow(t, [etcd.url]);
  for (let round = 0; round < 20; round++) {
    await writer.putRaw('/calico/ipam/v2/assignment', String(round));
    await f.source.catchUp();
  }
  await writer.delete({ kind: 'GlobalNetworkSet', name: 'b' });
  await writer.putRaw('/other', 'x');
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.1');
});

t.test('kill -9 and restart', skip, async (t) => {
  const etcd = await server(t);
  const writer = writerOf(etcd);
  await writer.ready();
  await writer.put(set('a', '10.0.0.1'));
  const f = follow(t, [etcd.url]);
  await f.source.catchUp();
  await etcd.kill();
  await f.until(() => /^http:.* nothing listens there/.test(f.connection()?.reason ?? ''));
  t.equal(f.connection()?.connected, false);
  await etcd.start();
  await writer.put(set('b', '10.0.0.2'));
  await writer.delete({ kind: 'GlobalNetworkSet', name: 'a' });
  await f.until(() => f.connection()?.connected === true);
  await f.source.catchUp();
  t.equal(f.state(), 'b=10.0.0.2');
  t.strictSame(
    f.told().filter((text) => text.startsWith('GlobalNetworkSet')),
    ['GlobalNetworkSet//a=10.0.0.1', 'GlobalNetworkSet//b=10.0.0.2', 'GlobalNetworkSet//a gone'],
  );
});

t.test('a server that is stopped, not ended', skip, async (t) => {
  const etcd = await server(t);
  const writer = writerOf(etcd);
  await writer.ready();
  const f = follow(t, [etcd.url]);
  await f.source.catchUp();
  etcd.pause();
  await f.until(() => f.connection()?.connected === false);
  await t.rejects(f.source.catchUp());
  etcd.resume();
  await writer.put(set('a', '10.0.0.1'));
  await f.until(() => f.connection()?.connected === true);
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.1');
  etcd.pause();
  await t.resolves(f.source.stop(), 'and a stop does not wait for it');
  etcd.resume();
});

t.test('compaction', skip, async (t) => {
  const etcd = await server(t);
  const proxy = await startProxy(portOf(etcd.url));
  t.teardown(() => proxy.close());
  const writer = writerOf(etcd);
  await writer.ready();
  await writer.put(...['changed', 'deleted', 'replaced', 'same'].map((name) => set(name, '10.0.0.1')));
  const f = follow(t, [`http://127.0.0.1:${proxy.port}`]);
  await f.source.catchUp();
  await writer.put(set('changed', '10.0.0.2'));
  await writer.compact();
  await writer.put(set('changed', '10.0.0.3'));
  await f.source.catchUp();
  t.match(f.state(), 'changed=10.0.0.3', 'it does not harm while connected');

  await proxy.cut();
  await f.until(() => f.connection()?.connected === false);
  const before = f.batches.length;
  await writer.delete({ kind: 'GlobalNetworkSet', name: 'deleted' }, { kind: 'GlobalNetworkSet', name: 'replaced' });
  await writer.put(set('changed', '10.0.0.4'), set('new', '10.0.0.5'), set('replaced', '10.0.0.6'));
  await writer.compact();
  await proxy.restore();
  await f.until(() => f.connection()?.connected === true);
  t.equal(f.state(), 'changed=10.0.0.4 new=10.0.0.5 replaced=10.0.0.6 same=10.0.0.1');
  t.equal(f.batches.length, before + 1, 'as one change');
  t.equal(f.batches.at(-1)?.length, 4, 'only what differs');
  await writer.put(set('new', '10.0.0.7'));
  await f.source.catchUp();
  t.match(f.state(), 'new=10.0.0.7');
});

t.test('what changes while all is listed', skip, async (t) => {
  const etcd = await server(t);
  const writer = writerOf(etcd);
  await writer.ready();
  await writer.put(...Array.from({ length: 4500 }, (_, index) => set(`s${index}`, '10.0.0.1')));
  const real = clientOf([etcd.url]);
  let pages = 0;
  const source = sourceOf({
    ...real,
    async range(request, options) {
      if (request.limit === 2000) pages += 1;
      // Between pages of the first listing the state that it is of vanishes; the second one is overtaken by changes.
      if (request.limit === 2000 && pages === 2) await writer.put(set('s0', '10.0.0.2')).then(writer.compact);
      if (request.limit === 2000 && pages === 5) await writer.put(set('s0', '10.0.0.3'), set('new', '10.0.0.4'));
      if (request.limit === 2000 && pages === 5) await writer.delete({ kind: 'GlobalNetworkSet', name: 's4499' });
      return real.range(request, options);
    },
  });
  t.teardown(() => source.stop());
  const f = followSource(source);
  await source.catchUp();
  t.equal(pages, 5);
  t.equal(f.synced(), 1);
  t.equal(f.objects.get('GlobalNetworkSet//s0'), '10.0.0.3');
  t.equal(f.objects.get('GlobalNetworkSet//new'), '10.0.0.4');
  t.notOk(f.objects.has('GlobalNetworkSet//s4499'));
  t.equal(f.objects.size, 4501);
});

t.test('more changes than etcd replays at once', skip, async (t) => {
  const etcd = await server(t);
  const proxy = await startProxy(portOf(etcd.url));
  t.teardown(() => proxy.close());
  const writer = writerOf(etcd);
  await writer.ready();
  const f = follow(t, [`http://127.0.0.1:${proxy.port}`]);
  await f.source.catchUp();
  await proxy.cut();
  await f.until(() => f.connection()?.connected === false);
  // One revision each; etcd replays 1000 of them, then the next.
  const count = 1300;
  for (let start = 0; start < count; start += 50)
    await Promise.all(Array.from({ length: 50 }, (_, index) => writer.put(set(`s${start + index}`, '10.0.0.1'))));
  await proxy.restore();
  await f.until(() => f.connection()?.connected === true);
  await f.source.catchUp();
  t.equal(f.objects.size, count + 1);
});

t.test('a store that has lost its data', skip, async (t) => {
  const etcd = await server(t);
  const writer = writerOf(etcd);
  await writer.ready();
  await writer.put(set('a', '10.0.0.1'), set('b', '10.0.0.2'), set('c', '10.0.0.3'));
  const f = follow(t, [etcd.url]);
  await f.source.catchUp();
  const told = f.told().length;
  await etcd.wipe();
  await etcd.start();
  await f.until(() => /no ClusterInformation/.test(f.connection()?.reason ?? ''));
  await t.rejects(f.source.catchUp(), /no ClusterInformation/);
  await writer.put(set('b', '10.0.0.9'));
  t.equal(f.told().length, told, 'nothing is deleted');
  await writer.ready();
  await f.until(() => f.connection()?.reason === undefined);
  await f.source.catchUp();
  t.equal(f.state(), 'b=10.0.0.9');
  t.equal(f.synced(), 1);
});

t.test('another store in the place of the former, with revisions that look like a continuation', skip, async (t) => {
  const etcd = await server(t);
  const writer = writerOf(etcd);
  await writer.ready();
  await writer.put(set('a', '10.0.0.1'));
  await writer.put(set('b', '10.0.0.2'));
  const proxy = await startProxy(portOf(etcd.url));
  t.teardown(() => proxy.close());
  const f = follow(t, [`http://127.0.0.1:${proxy.port}`]);
  await f.source.catchUp();
  await proxy.cut();
  await etcd.wipe();
  await etcd.start();
  // The key has the revision that it had.
  await writer.putRaw('/other', 'x');
  await writer.put(set('a', '10.0.0.7'));
  await writer.ready();
  for (let index = 0; index < 5; index++) await writer.putRaw('/other', 'x');
  await proxy.restore();
  await f.until(() => f.connection()?.connected === true && f.state() !== 'a=10.0.0.1 b=10.0.0.2');
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.7');
});

t.test('a cluster of three', skip, async (t) => {
  const members = await startCluster(3, { args: QUICK_SERVER, requestMs: 500 });
  t.teardown(() => Promise.all(members.map((member) => member.close())));
  const byLeader = async () => {
    const states = await Promise.all(members.map((member) => member.request('maintenance/status', {})));
    return members.toSorted(
      (a, b) => Number(isLeader(states[members.indexOf(b)])) - Number(isLeader(states[members.indexOf(a)])),
    );
  };
  const [leader, second, third] = await byLeader();
  if (!leader || !second || !third) throw new Error('no three members');
  const writer = writerOf(third);
  await writer.ready();
  await writer.put(set('a', '10.0.0.1'));
  const f = follow(t, [leader.url, second.url, third.url], {
    graceMs: 20_000,
    retryMs: 20,
    longestRetryMs: 100,
    firstAnswerMs: 300,
  });
  await f.source.catchUp();
  await leader.kill();
  await until(() => writer.put(set('a', '10.0.0.2')));
  await until(() => writer.put(set('b', '10.0.0.3')));
  await f.until(() => f.state() === 'a=10.0.0.2 b=10.0.0.3');
  t.notOk(
    f.connections.some(({ connected }) => !connected) && f.connection()?.connected === false,
    'it goes on with another member',
  );
  await f.until(() => f.connection()?.connected === true);
  await f.source.catchUp();

  await second.kill();
  await f.until(() => /no leader/.test(f.connection()?.reason ?? ''));
  t.equal(f.connection()?.connected, false);
  t.equal(f.state(), 'a=10.0.0.2 b=10.0.0.3');
  await leader.start();
  await until(() => writer.put(set('c', '10.0.0.4')));
  await f.until(() => f.connection()?.connected === true);
  await f.source.catchUp();
  t.equal(f.state(), 'a=10.0.0.2 b=10.0.0.3 c=10.0.0.4');
  t.equal(f.told().filter((text) => text.endsWith('=10.0.0.3')).length, 1, 'nothing is told twice');
});

function isLeader(status: Record<string, unknown> | undefined): boolean {
  const member = status?.header;
  return typeof member === 'object' && member !== null && Reflect.get(member, 'member_id') === status?.leader;
}

/** Tries until it works: what an election takes. */
async function until(attempt: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const problem = await attempt().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (problem === undefined) return;
  }
}

t.test('TLS', skip, async (t) => {
  const directory = t.testdir();
  const ours = createAuthority(join(directory, 'ours'));
  const theirs = createAuthority(join(directory, 'theirs'));
  const byAddress = ours.issue('server', ['IP:127.0.0.1']);
  const etcd = await server(t, { tls: { ca: ours.ca, ...byAddress } });
  await writerOf(etcd).ready();
  const { cert: certFile, key: keyFile } = ours.issue('client');
  const files = { caFile: ours.ca, certFile, keyFile };
  const ask = async (access: AccessFiles, url = etcd.secureUrl): Promise<string> => {
    const client = clientOf([url], await readAccess(access));
    try {
      return String((await client.range({ key: keyOf({ kind: 'ClusterInformation', name: 'default' }) })).count);
    } catch (error) {
      return error instanceof EtcdError ? `${error.code}: ${error.message}` : String(error);
    } finally {
      client.close();
    }
  };
  const warnings: string[] = [];
  const warned = ({ name, message }: Error) => void warnings.push(`${name}: ${message}`);
  process.on('warning', warned);
  t.equal(await ask(files), '1', 'with a certificate of our CA');
  process.off('warning', warned);
  t.strictSame(warnings, [], 'an address is no name to ask a server for');
  const [, , port] = etcd.secureUrl.split(':');
  t.match(await ask(files, `https://localhost:${port}`), /unreachable: .*its certificate is for other names/);
  t.match(await ask({ caFile: ours.ca }), /unreachable: .*--etcd-cert and --etcd-key/, 'without a certificate');
  const stranger = theirs.issue('stranger');
  t.match(
    await ask({ caFile: ours.ca, certFile: stranger.cert, keyFile: stranger.key }),
    /unreachable: .*--etcd-cert and --etcd-key/,
  );
  t.match(await ask({ ...files, caFile: theirs.ca }), /unreachable: .*not signed by the CA: see --etcd-ca/);
  t.match(await ask({ certFile, keyFile }), /unreachable: .*not signed by the CA: see --etcd-ca/, 'without our CA');
  t.match(await ask({}, etcd.secureUrl.replace('https', 'http')), /unreachable: .*does it want https:/);
  t.match(
    await ask(files, etcd.url.replace('http', 'https')),
    /unreachable: .*write http: if it does not speak TLS|it does not seem to speak TLS: write http:/,
  );
  t.match(await ask({ caFile: ours.ca, keyFile }), /access: certificates or key can not be used/);
  await t.rejects(readAccess({ caFile: '/nowhere/ca.pem' }), {
    code: 'access',
    message: 'the CA certificate can not be read from /nowhere/ca.pem: there is no such file',
  });
  await t.rejects(readAccess({ passwordFile: directory }), { code: 'access', message: /the password can not be read/ });
});

t.test('users', skip, async (t) => {
  const etcd = await server(t, { args: [...QUICK_SERVER, '--auth-token-ttl', '1'] });
  const writer = writerOf(etcd);
  await writer.ready();
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const resources = { key: base64('/calico/resources/v3/'), range_end: base64('/calico/resources/v30') };
  for (const name of ['root', 'felix', 'nobody']) await etcd.request('auth/user/add', { name, password: `${name}-pw` });
  await etcd.request('auth/role/add', { name: 'root' });
  await etcd.request('auth/role/add', { name: 'reader' });
  await etcd.request('auth/role/grant', { name: 'reader', perm: { permType: 'READ', ...resources } });
  await etcd.request('auth/user/grant', { user: 'root', role: 'root' });
  await etcd.request('auth/user/grant', { user: 'felix', role: 'reader' });
  const early = followAs(t, etcd.url, { user: 'felix', password: 'felix-pw' });
  await early.until(() => early.synced() > 0);
  await etcd.request('auth/enable', {});
  const tokenOf = async () =>
    String((await etcd.request('auth/authenticate', { name: 'root', password: 'root-pw' })).token);
  const put = async (name: string) => {
    const [key, value] = [base64(keyOf({ kind: 'GlobalNetworkSet', name })), base64(JSON.stringify(set(name)))];
    await etcd.request('kv/put', { key, value }, await tokenOf());
  };

  const f = followAs(t, etcd.url, { user: 'felix', password: 'felix-pw' });
  await f.source.catchUp();
  await put('a');
  await f.source.catchUp();
  await early.source.catchUp();
  t.equal(f.state(), 'a=');
  t.equal(early.state(), 'a=', 'it was there before etcd wanted users');
  await put('b');
  await until(async () => {
    const client = clientOf([etcd.url], { user: 'felix', password: 'felix-pw' });
    await client.range({ key: '/calico/resources/v3/' });
    client.close();
  });
  // etcd forgets its tokens when it ends.
  await etcd.kill();
  await etcd.start();
  await put('c');
  await f.until(() => f.state() === 'a= b= c=');
  await f.source.catchUp();

  const reasonOf = async (access: Access): Promise<string> => {
    const other = followAs(t, etcd.url, access);
    await other.until(() => other.connection()?.connected === false);
    t.equal(other.synced(), 0);
    return other.connection()?.reason ?? '';
  };
  t.match(await reasonOf({}), /it wants a user: set --etcd-user and --etcd-password-file/);
  t.match(await reasonOf({ user: 'felix', password: 'wrong' }), /user or password is wrong \(--etcd-user/);
  t.match(
    await reasonOf({ user: 'nobody', password: 'nobody-pw' }),
    /permission denied: it takes read access to \/calico\/res/,
  );

  const nobody = followAs(t, etcd.url, { user: 'nobody', password: 'nobody-pw' });
  await nobody.until(() => /permission denied/.test(nobody.connection()?.reason ?? ''));
  await etcd.request('auth/user/grant', { user: 'nobody', role: 'reader' }, await tokenOf());
  await nobody.until(() => nobody.synced() > 0);
  t.equal(nobody.state(), 'a= b= c=', 'what is granted later is noticed');
});

t.test('a token that has expired is renewed', skip, async (t) => {
  const directory = t.testdir();
  const keys = createAuthority(directory).issue('jwt');
  const publicKey = join(directory, 'jwt.pub');
  execFileSync('openssl', ['ec', '-in', keys.key, '-pubout', '-out', publicKey], { stdio: 'ignore' });
  const etcd = await server(t, {
    args: [...QUICK_SERVER, '--auth-token', `jwt,pub-key=${publicKey},priv-key=${keys.key},sign-method=ES256,ttl=1s`],
  });
  await writerOf(etcd).ready();
  await etcd.request('auth/user/add', { name: 'root', password: 'root-pw' });
  await etcd.request('auth/role/add', { name: 'root' });
  await etcd.request('auth/user/grant', { user: 'root', role: 'root' });
  await etcd.request('auth/enable', {});
  const tokenOf = async () =>
    String((await etcd.request('auth/authenticate', { name: 'root', password: 'root-pw' })).token);
  // Whoever shows the same token again and again sees when it has expired.
  const untilExpired = async () => {
    const token = await tokenOf();
    await untilFails(() => etcd.request('kv/range', { key: 'Lw==' }, token));
  };
  const client = clientOf([etcd.url], { user: 'root', password: 'root-pw' });
  t.teardown(() => client.close());
  await client.range({ key: '/' });
  await untilExpired();
  await client.range({ key: '/' });
  await untilExpired();
  // A watch is created whatever the token is, and then canceled.
  const outcome = new Promise<string>((resolve) => {
    const response = ({ created }: WatchResponse) => !created && resolve('an event');
    client.watch({ key: '/', startRevision: 1 }, { response, ended: ({ message }) => resolve(message) });
  });
  await etcd.request('kv/put', { key: 'Lw==' }, await tokenOf());
  t.equal(await outcome, 'an event');
});

function followAs(t: Test, url: string, access: Access) {
  const source = sourceOf(clientOf([url], access));
  t.teardown(() => source.stop());
  return { source, ...followSource(source) };
}

async function untilFails(attempt: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const hasFailed = await attempt().then(
      () => false,
      () => true,
    );
    if (hasFailed) return;
  }
}

t.test('commands', skip, async (t) => {
  const etcd = await server(t);
  const writer = writerOf(etcd);
  const interfaces = join(t.testdir({ 'interfaces.json': '[]' }), 'interfaces.json');
  const render = async (...args: readonly string[]) => {
    const written = { stdout: '', stderr: '' };
    const output = (name: 'stdout' | 'stderr') => ({ write: (text: string) => (written[name] += text) });
    const io = { stdout: output('stdout'), stderr: output('stderr'), environment: { ETCD_ENDPOINTS: etcd.url } };
    const settings = ['--node', 'n1', '--config', '/dev/null', '--interfaces', interfaces];
    return { status: await runProgram(['render', ...settings, ...args], io), ...written };
  };
  const cold = await render('--datastore', `etcd:${etcd.url}`);
  t.match(cold, { status: 1, stdout: '', stderr: /^margay: etcd:http.*: it has no ClusterInformation default/ });
  await writer.ready();
  await writer.put({
    apiVersion: 'projectcalico.org/v3',
    kind: 'HostEndpoint',
    metadata: { name: 'h' },
    spec: { node: 'n1', interfaceName: 'eth0' },
  });
  const listed = await render('--datastore', 'etcd:');
  t.match(listed, { status: 0, stdout: /"eth0"/, stderr: '' });
  await etcd.kill();
  t.match(await render('--datastore', 'etcd:'), { status: 1, stdout: '', stderr: /nothing listens there/ });
});
