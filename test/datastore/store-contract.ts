import type { Test } from 'tap';
import { asStoredObject, keyOfStored } from '../../src/datastore/as-stored-object.js';
import { type Store, type StoredObject, StoreError, type WatchEvent } from '../../src/datastore/store.js';
import { asCalicoPrints } from '../../src/resources/as-calico-prints.js';
import { type Kind, kinds } from '../../src/resources/kinds.js';
import { prepared } from '../client/sample-objects.js';

/** A store to be held to the contract, empty at the beginning of each test. */
export interface StoreUnderTest {
  readonly store: Store;
  /** The kinds that may be written; all unless said otherwise. */
  readonly kinds?: readonly Kind[];
}

type Open = (t: Test) => Promise<StoreUnderTest>;

/** What every `Store` does, whatever the datastore is. */
export async function storeContract(t: Test, open: Open): Promise<void> {
  await t.test('each kind can be created, read, changed and deleted', async (t) => {
    const { store, kinds: writable = allKinds } = await open(t);
    for (const kind of writable) await t.test(kind, (t) => roundTrip(t, store, kind));
  });
  await t.test('what exists, and what does not', (t) => existence(t, open));
  await t.test('versions', (t) => versions(t, open));
  await t.test('listings', (t) => listings(t, open));
  await t.test('watching', (t) => watching(t, open));
  await t.test('two writers', (t) => twoWriters(t, open));
}

const allKinds = Object.values(kinds).map(({ kind }) => kind);

/** A network set; of a namespace, if it is given one. */
function set(name: string, net: string, namespace?: string): StoredObject {
  const kind = namespace === undefined ? 'GlobalNetworkSet' : 'NetworkSet';
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }), labels: { a: 'b' } };
  const object = asStoredObject({ apiVersion: 'projectcalico.org/v3', kind, metadata, spec: { nets: [net] } });
  if (object === undefined) throw new Error('no object');
  return object;
}

function withNet(object: StoredObject, net: string): StoredObject {
  return { ...object, spec: { nets: [net] } };
}

function netOf({ spec }: StoredObject): unknown {
  return typeof spec === 'object' && spec !== null ? Reflect.get(spec, 'nets')?.[0] : undefined;
}

async function failure(work: Promise<unknown>): Promise<{ code: string; key: unknown }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof StoreError) return { code: error.code, key: error.key };
    throw error;
  }
  throw new Error('it should have failed');
}

async function roundTrip(t: Test, store: Store, kind: Kind): Promise<void> {
  const object = prepared(kind);
  const key = keyOfStored(object);
  const created = await store.create(object);
  const { uid, creationTimestamp, resourceVersion } = created.metadata;
  t.type(uid, 'string', 'it has an identity');
  t.match(creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  t.type(resourceVersion, 'string');
  t.same({ ...created, metadata: { ...object.metadata, uid, creationTimestamp, resourceVersion } }, created);
  t.same(
    asCalicoPrints(created, kinds[kind]).spec,
    object.spec,
    'as it was given, but that what is empty may be left out',
  );
  t.same(await store.get(key), created);
  t.same((await store.list(kind, key.namespace)).items, [created]);

  const labels = { ...Object(object.metadata.labels), changed: 'yes' };
  const changed = await store.update({ ...created, metadata: { ...created.metadata, labels } });
  t.not(changed.metadata.resourceVersion, resourceVersion, 'another version');
  t.same(changed.metadata.labels, labels);
  t.same([changed.metadata.uid, changed.metadata.creationTimestamp], [uid, creationTimestamp], 'the same object');
  t.same(await store.get(key), changed);

  t.same(await store.delete(key), changed, 'what it was at the end');
  t.same((await store.list(kind)).items, []);
}

async function existence(t: Test, open: Open): Promise<void> {
  const { store } = await open(t);
  const one = set('one', '10.0.0.0/8');
  const key = keyOfStored(one);
  const missing = { code: 'not-found', key };
  t.same(await failure(store.get(key)), missing);
  t.same(await failure(store.update(one)), missing);
  t.same(await failure(store.delete(key)), missing);
  await store.create(one);
  t.same(await failure(store.create(withNet(one, '10.9.0.0/16'))), { code: 'already-exists', key });
  t.equal(netOf(await store.get(key)), '10.0.0.0/8', 'which changes nothing');
  const [a, b] = [set('same', '10.1.0.0/16', 'a'), set('same', '10.2.0.0/16', 'b')];
  await store.create(a);
  await store.create(b);
  t.equal(netOf(await store.get(keyOfStored(a))), '10.1.0.0/16', 'the same name in two namespaces');
  await store.delete(keyOfStored(a));
  t.equal(netOf(await store.get(keyOfStored(b))), '10.2.0.0/16');
}

async function versions(t: Test, open: Open): Promise<void> {
  const { store } = await open(t);
  const first = await store.create(set('one', '10.0.0.0/8'));
  const key = keyOfStored(first);
  const second = await store.update(withNet(first, '10.1.0.0/16'));
  t.same(await failure(store.update(withNet(first, '10.2.0.0/16'))), { code: 'conflict', key }, 'an old version');
  t.same(await failure(store.delete(key, String(first.metadata.resourceVersion))), { code: 'conflict', key });
  t.same(await store.get(key), second, 'nothing was changed');
  const { resourceVersion: _version, ...unversioned } = second.metadata;
  const third = await store.update({ ...withNet(second, '10.3.0.0/16'), metadata: unversioned });
  t.equal(netOf(third), '10.3.0.0/16', 'whatever is there');
  t.equal(third.metadata.uid, first.metadata.uid);
  await store.delete(key, third.metadata.resourceVersion);
  t.same((await failure(store.get(key))).code, 'not-found');
}

async function listings(t: Test, open: Open): Promise<void> {
  const { store } = await open(t);
  t.same((await store.list('NetworkSet')).items, []);
  const names = [
    ['b', 'x'],
    ['a', 'z'],
    ['a', 'm.n'],
    ['a-b', 'a'],
    ['a', 'm-n'],
  ] as const;
  for (const [namespace, name] of names) await store.create(set(name, '10.0.0.0/8', namespace));
  await store.create(set('z', '10.0.0.0/8'));
  const listed = async (namespace?: string) =>
    (await store.list('NetworkSet', namespace)).items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
  t.same(await listed(), ['a/m-n', 'a/m.n', 'a/z', 'a-b/a', 'b/x'], 'by namespace, then by name');
  t.same(await listed('a'), ['a/m-n', 'a/m.n', 'a/z']);
  t.same(await listed('none'), []);
  t.same((await store.list('GlobalNetworkSet')).items.length, 1, 'one kind');
}

async function watching(t: Test, open: Open): Promise<void> {
  const { store } = await open(t);
  const before = await store.create(set('before', '10.0.0.0/8', 'a'));
  const { resourceVersion } = await store.list('NetworkSet', 'a');
  const between = await store.create(set('between', '10.0.0.0/8', 'a'));
  const stop = new AbortController();
  const events: string[] = [];
  const waiting = new Map<number, () => void>();
  const count = (number: number): Promise<void> =>
    events.length >= number ? Promise.resolve() : new Promise((resolve) => waiting.set(number, resolve));
  const ended = (async () => {
    for await (const event of store.watch('NetworkSet', { namespace: 'a', resourceVersion, signal: stop.signal })) {
      events.push(eventText(event));
      waiting.get(events.length)?.();
    }
  })();
  await count(1);
  t.same(events, ['added between 10.0.0.0/8'], 'from the listing on');
  const changed = await store.update(withNet(before, '10.1.0.0/16'));
  await count(2);
  await store.create(set('elsewhere', '10.0.0.0/8', 'b'));
  await store.create(set('global', '10.0.0.0/8'));
  await store.delete(keyOfStored(between));
  await count(3);
  await store.delete(keyOfStored(changed));
  await count(4);
  t.same(events.slice(1), ['modified before 10.1.0.0/16', 'deleted between 10.0.0.0/8', 'deleted before 10.1.0.0/16']);
  stop.abort();
  await t.resolves(ended, 'ends without an error');
  const aborted: WatchEvent[] = [];
  const latest = await store.list('NetworkSet');
  const options = { resourceVersion: latest.resourceVersion, signal: AbortSignal.abort() };
  for await (const event of store.watch('NetworkSet', options)) aborted.push(event);
  t.same(aborted, [], 'and does not begin after the end');
}

function eventText({ type, object }: WatchEvent): string {
  return `${type} ${object.metadata.name} ${netOf(object)}`;
}

async function twoWriters(t: Test, open: Open): Promise<void> {
  const { store } = await open(t);
  const nets = Array.from({ length: 8 }, (_, index) => `10.${index}.0.0/16`);
  const created = await Promise.allSettled(nets.map((net) => store.create(set('one', net))));
  t.equal(created.filter(({ status }) => status === 'fulfilled').length, 1, 'one creates it');
  const first = await store.get({ kind: 'GlobalNetworkSet', name: 'one' });
  const updated = await Promise.allSettled(
    nets.map((_, index) => store.update(withNet(first, `192.168.${index}.0/24`))),
  );
  t.equal(
    updated.filter(({ status }) => status === 'fulfilled').length,
    1,
    'one changes the version that all have seen',
  );
  for (const result of [...created, ...updated])
    if (result.status === 'rejected')
      t.ok(['already-exists', 'conflict'].includes(result.reason?.code), String(result.reason?.code));
}
