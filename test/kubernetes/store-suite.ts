import type { Test } from 'tap';
import { keyOfStored } from '../../src/datastore/as-stored-object.js';
import { mapIn, type Native } from '../../src/datastore/kubernetes/conversion/native.js';
import { type KubernetesStoreOptions, kubernetesStore } from '../../src/datastore/kubernetes/store/kubernetes-store.js';
import { type Store, type StoredObject, StoreError, type WatchEvent } from '../../src/datastore/store.js';
import type { Kind } from '../../src/resources/kinds.js';
import { calicoObject, cluster, pod } from './cluster.js';
import { quickTimes } from './source-suite.js';
import type { World } from './world.js';

/** A store over the world, until the test ends. */
export function storeOf(t: Test, world: World, options: Partial<KubernetesStoreOptions> = {}): Store {
  const access = async () => world.access('admin');
  const store = kubernetesStore({ url: 'kubernetes:', access, times: quickTimes, ...options });
  t.teardown(() => store.close());
  return store;
}

/** What the commands rely on, with any API server; the cluster has the kinds of docs/kubernetes/crds.yaml. */
export async function storeSuite(t: Test, world: World): Promise<void> {
  const write = cluster(world.admin);
  await write.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'store', labels: { a: 'b' } } });

  await t.test('an object is stored as Calico stores it', async (t) => {
    const store = storeOf(t, world);
    const created = await store.create(
      calico(
        'GlobalNetworkPolicy',
        { name: 'p1', labels: { x: 'y', 'projectcalico.org/tier': 'default' } },
        { tier: 'default', selector: 'all()' },
      ),
    );
    const path = '/apis/crd.projectcalico.org/v1/globalnetworkpolicies/p1';
    const stored = mapIn({ stored: await world.admin.request({ path }) }, 'stored');
    t.match(stored, {
      apiVersion: 'crd.projectcalico.org/v1',
      metadata: { name: 'p1', labels: { 'projectcalico.org/tier': 'default' } },
      spec: { tier: 'default', selector: 'all()' },
    });
    t.notHas(mapIn(stored, 'metadata').labels, { x: 'y' }, 'labels are in the annotation');
    const kept = JSON.parse(String(mapIn(mapIn(stored, 'metadata'), 'annotations')['projectcalico.org/metadata']));
    t.match(kept, {
      name: 'p1',
      labels: { x: 'y', 'projectcalico.org/tier': 'default' },
      creationTimestamp: created.metadata.creationTimestamp,
    });
    t.not(created.metadata.uid, mapIn(stored, 'metadata').uid, 'with a uid of its own');
    t.strictSame(await store.get(keyOfStored(created)), created);
    const changed = await store.update({ ...created, spec: { tier: 'default', selector: 'has(a)' } });
    t.strictSame({ ...changed.metadata, resourceVersion: '' }, { ...created.metadata, resourceVersion: '' });
    await store.delete(keyOfStored(created));
  });

  await t.test('what the API server refuses', async (t) => {
    const store = storeOf(t, world);
    const hep = calico('HostEndpoint', { name: 'h' }, { node: 'n', interfaceName: 'eth0', ports: [{ name: 'x' }] });
    t.match(await failure(store.create(hep)), {
      code: 'invalid',
      message: /spec.ports.*(protocol|port)/,
      key: { kind: 'HostEndpoint', name: 'h' },
    });
    const set = calico('NetworkSet', { name: 's', namespace: 'nowhere' }, { nets: [] });
    t.match(await failure(store.create(set)), { code: 'invalid', message: /there is no namespace nowhere/ });
    t.match(await failure(storeOf(t, world, { access: async () => world.access('stranger') }).list('Tier')), {
      code: 'unauthorized',
    });
    const agent = storeOf(t, world, { access: async () => world.access('agent') });
    const gns = calico('GlobalNetworkSet', { name: 'mine' }, { nets: [] });
    t.match(await failure(agent.create(gns)), { code: 'forbidden', message: /forbidden/ });
    t.match(await agent.list('GlobalNetworkSet'), { items: [] }, 'it may read');
  });

  await t.test('one writer at a time', async (t) => {
    const store = storeOf(t, world);
    const first = await store.create(calico('GlobalNetworkSet', { name: 'one' }, { nets: ['10.0.0.0/8'] }));
    const key = keyOfStored(first);
    t.match(await failure(store.create(first)), { code: 'already-exists', key });
    const second = await store.update({ ...first, spec: { nets: ['10.1.0.0/16'] } });
    t.match(await failure(store.update({ ...first, spec: { nets: [] } })), { code: 'conflict', key });
    t.match(await failure(store.delete(key, first.metadata.resourceVersion)), { code: 'conflict', key });
    const nets = Array.from({ length: 6 }, (_, index) => `10.${index}.0.0/16`);
    const { resourceVersion: _, ...unversioned } = second.metadata;
    await t.resolves(
      Promise.all(
        nets.slice(0, 3).map((net) => store.update({ ...second, metadata: unversioned, spec: { nets: [net] } })),
      ),
      'who names no version gets through in the end',
    );
    const latest = await store.get(key);
    // None of them is what is there: a write that changes nothing makes no new version, and so another would get through too.
    const rivals = nets.map((net) => store.update({ ...latest, spec: { nets: [net, '192.168.0.0/16'] } }));
    const results = await Promise.allSettled(rivals);
    t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1, 'who names one: the first');
    await store.delete(key);
    const again = await store.create(calico('GlobalNetworkSet', { name: 'one' }, { nets: [] }));
    t.match(
      await failure(store.update({ ...latest, metadata: { ...unversioned } })),
      { code: 'conflict' },
      'another object',
    );
    t.strictSame(await store.delete(key), again, 'what it was at the end');
    t.match(await failure(store.get(key)), { code: 'not-found', key });
    t.match(await failure(store.delete(key)), { code: 'not-found', key });
    t.match(await failure(store.update(latest)), { code: 'not-found', key });
  });

  await t.test('a policy that an older client stored under another name', async (t) => {
    const store = storeOf(t, world);
    const annotations = { 'projectcalico.org/metadata': '{"labels":{"a":"b"},"creationTimestamp":null}' };
    await write.create(
      calicoObject('GlobalNetworkPolicy', 'default.old', { tier: 'default', selector: 'all()' }, { annotations }),
    );
    const key = { kind: 'GlobalNetworkPolicy', name: 'old' };
    const found = await store.get(key);
    t.match(found, { metadata: { name: 'old', labels: { a: 'b' } } });
    const names = async () => (await store.list('GlobalNetworkPolicy')).items.map(({ metadata }) => metadata.name);
    t.ok((await names()).includes('old'));
    const changed = await store.update({ ...found, spec: { tier: 'default', selector: 'has(x)' } });
    t.match(changed, { metadata: { name: 'old' }, spec: { selector: 'has(x)' } });
    t.match(await store.delete(key), { spec: { selector: 'has(x)' } });
    t.notOk((await names()).some((name) => name.endsWith('old')));
  });

  await t.test('what Kubernetes has, in the form of Calico', async (t) => {
    const store = storeOf(t, world);
    await write.create({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'robot', namespace: 'store', labels: { r: 's' } },
    });
    await write.create({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'store-node' },
      status: { addresses: [{ type: 'InternalIP', address: '172.16.0.9' }] },
    });
    await write.runningPod('store', 'web-1', '10.65.8.1');
    await write.create(pod('store', 'new'));
    await write.create(pod('store', 'host', { spec: { hostNetwork: true } }));
    const endpoints = await store.list('WorkloadEndpoint', 'store');
    t.strictSame(
      endpoints.items.map(({ metadata }) => metadata.name),
      ['node1-k8s-new-eth0', 'node1-k8s-web--1-eth0'],
    );
    const key = { kind: 'WorkloadEndpoint', namespace: 'store', name: 'node1-k8s-web--1-eth0' };
    const endpoint = await store.get(key);
    t.match(endpoint, {
      spec: { pod: 'web-1', ipNetworks: ['10.65.8.1/32'] },
      metadata: { resourceVersion: /./, uid: /./ },
    });
    t.match(await store.get({ kind: 'Profile', name: 'kns.store' }), { spec: { labelsToApply: { 'pcns.a': 'b' } } });
    t.match(await store.get({ kind: 'Profile', name: 'ksa.store.robot' }), {
      spec: { labelsToApply: { 'pcsa.r': 's' } },
    });
    const profiles = (await store.list('Profile')).items.map(({ metadata }) => metadata.name);
    t.ok(profiles.includes('kns.store') && profiles.includes('ksa.store.robot'));
    t.match(await store.get({ kind: 'Node', name: 'store-node' }), {
      spec: { addresses: [{ address: '172.16.0.9', type: 'InternalIP' }] },
    });
    t.match(
      await failure(store.get({ ...key, name: 'other-k8s-web--1-eth0' })),
      { code: 'not-found' },
      'the pod runs elsewhere',
    );
    for (const name of ['nonsense', 'a-b', 'a-k8s-b-c-d'])
      t.match(await failure(store.get({ ...key, name })), { code: 'not-found' });
    for (const name of ['kns.nowhere', 'ksa.store.nobody', 'nonsense'])
      t.match(await failure(store.get({ kind: 'Profile', name })), { code: 'not-found' });

    t.match(await failure(store.create(endpoint)), {
      code: 'unsupported',
      message:
        'operation Create is not supported on WorkloadEndpoint(store/node1-k8s-web--1-eth0): it is made of a pod; change that',
    });
    t.match(await failure(store.update(endpoint)), {
      code: 'unsupported',
      message: /^operation Update is not supported on WorkloadEndpoint/,
    });
    t.match(await failure(store.delete({ kind: 'Profile', name: 'kns.store' })), {
      code: 'unsupported',
      message: /^operation Delete is not supported on Profile\(kns.store\)/,
    });
    t.match(await failure(store.delete({ kind: 'Node', name: 'store-node' })), { code: 'unsupported' });
  });

  await t.test('watching', async (t) => {
    const store = storeOf(t, world);
    const watched = watch(t, store, 'NetworkSet', await store.list('NetworkSet', 'store'), 'store');
    const first = await store.create(calico('NetworkSet', { name: 'w', namespace: 'store' }, { nets: ['10.0.0.0/8'] }));
    await watched.until(1);
    world.link.cut();
    world.link.mend();
    await store.update({ ...first, spec: { nets: [] } });
    await store.delete(keyOfStored(first));
    await watched.until(3);
    t.strictSame(watched.events, ['added w', 'modified w', 'deleted w'], 'a lost connection does not matter');

    const { resourceVersion } = await store.list('Profile');
    const profiles = watch(t, store, 'Profile', { resourceVersion });
    await write.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'watched', namespace: 'store' } });
    await write.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'watched' } });
    await profiles.until(2);
    t.strictSame([...profiles.events].sort(), ['added kns.watched', 'added ksa.store.watched']);
    await Promise.all([watched.stop(), profiles.stop()]);

    const stale = await store.list('GlobalNetworkSet');
    await store.create(calico('GlobalNetworkSet', { name: 'newer' }, {}));
    await world.restart();
    const late = store.watch('GlobalNetworkSet', {
      resourceVersion: stale.resourceVersion,
      signal: new AbortController().signal,
    });
    t.match(await failure(late[Symbol.asyncIterator]().next()), { code: 'expired' });
    await store.delete({ kind: 'GlobalNetworkSet', name: 'newer' });
  });

  await t.test('a server that can not be reached', async (t) => {
    const store = storeOf(t, world);
    world.link.cut();
    t.teardown(() => world.link.mend());
    t.match(await failure(store.list('Tier')), { code: 'unreachable', message: /can't be reached/ });
  });
}

export function calico(kind: Kind, metadata: StoredObject['metadata'], spec: Native): StoredObject {
  return { apiVersion: 'projectcalico.org/v3', kind, metadata, spec };
}

async function failure(work: Promise<unknown>): Promise<StoreError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
  throw new Error('it should have failed');
}

/** What a watch brings, as `added NAME`. */
function watch(
  t: Test,
  store: Store,
  kind: Kind,
  { resourceVersion }: { readonly resourceVersion: string },
  namespace?: string,
) {
  const ending = new AbortController();
  const events: string[] = [];
  let wake = (): void => undefined;
  const take = ({ type, object }: WatchEvent): void => {
    events.push(`${type} ${object.metadata.name}`);
    wake();
  };
  const running = (async () => {
    for await (const event of store.watch(kind, { namespace, resourceVersion, signal: ending.signal })) take(event);
  })();
  t.teardown(() => ending.abort());
  return {
    events,
    async until(count: number): Promise<void> {
      while (events.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async stop(): Promise<void> {
      ending.abort();
      await running;
    },
  };
}
