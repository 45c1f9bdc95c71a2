import type { Test } from 'tap';
import type { Source } from '../../src/datastore/source.js';
import type { ObjectKey } from '../../src/resources/resource.js';
import { followSource } from './follow-source.js';

/** An object as its datastore gets it. */
export interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: object;
}

/** A datastore of the test's own, empty and ready, as somebody else writes it. */
export interface SourceWorld {
  /** A new source of it that has not been started. The test stops it. */
  source(): Source;
  put(...objects: readonly ApiObject[]): Promise<void>;
  delete(...keys: readonly ObjectKey[]): Promise<void>;
  /** Where the object is, there is something that can't be read as one. */
  putGarbage(key: ObjectKey): Promise<void>;
  /** An object of a kind that Margay has no use for. */
  putUnknown(): Promise<void>;
  /** Sources lose it. It can still be written; they find out when it is restored. */
  cut(): Promise<void>;
  restore(): Promise<void>;
  close(): Promise<void>;
}

/** A set of addresses: what a listener sees of it is its nets. */
export function set(name: string, ...nets: readonly string[]): ApiObject {
  return { apiVersion: 'projectcalico.org/v3', kind: 'GlobalNetworkSet', metadata: { name }, spec: { nets } };
}

const setKey = (name: string): ObjectKey => ({ kind: 'GlobalNetworkSet', name });
const net = (index: number): string => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;

/** What every source does, whatever its datastore is. `open` makes a world for each test. */
export function sourceContract(t: Test, open: () => Promise<SourceWorld>): void {
  const check = (name: string, body: (t: Test, world: SourceWorld) => Promise<void>): void => {
    t.test(name, async (t) => {
      const world = await open();
      t.teardown(() => world.close());
      await body(t, world);
    });
  };
  const follow = (t: Test, world: SourceWorld, options = {}) => {
    const source = world.source();
    t.teardown(() => source.stop());
    return { source, ...followSource(source, options) };
  };

  check('the first snapshot is complete when the source is in sync, and that is told once', async (t, world) => {
    const inNamespace = { ...set('c', '10.0.0.3'), kind: 'NetworkSet', metadata: { name: 'c', namespace: 'ns' } };
    await world.put(set('a', '10.0.0.1'), set('b', '10.0.0.2'), inNamespace);
    const followed = follow(t, world);
    await followed.until(() => followed.synced() > 0);
    t.equal(followed.state(), 'a=10.0.0.1 b=10.0.0.2 c=10.0.0.3');
    t.ok(followed.objects.has('NetworkSet/ns/c'));
    t.match(followed.connections, [{ connected: true }]);
    t.equal(followed.connections[0]?.reason, undefined);
    await world.put(set('d', '10.0.0.4'));
    await followed.source.catchUp();
    t.equal(followed.synced(), 1);
  });

  check('nothing is delivered before the start, nor after the stop', async (t, world) => {
    await world.put(set('a', '10.0.0.1'));
    const source = world.source();
    await t.rejects(source.catchUp(), 'nor is there anything to catch up with');
    const followed = followSource(source);
    await followed.until(() => followed.synced() > 0);
    await source.stop();
    const batches = followed.batches.length;
    await world.put(set('a', '10.0.0.2'), set('b', '10.0.0.2'));
    const witness = follow(t, world);
    await witness.until(() => witness.synced() > 0);
    t.equal(witness.state(), 'a=10.0.0.2 b=10.0.0.2');
    t.equal(followed.batches.length, batches);
    t.equal(followed.connections.length, 1);
    await t.rejects(source.catchUp());
  });

  check('a source that is stopped at once is silent', async (t, world) => {
    await world.put(set('a', '10.0.0.1'));
    const source = world.source();
    const followed = followSource(source);
    await source.stop();
    t.strictSame([followed.batches.length, followed.synced()], [0, 0]);
  });

  check('what is in the datastore at the call has been delivered when catchUp resolves', async (t, world) => {
    const followed = follow(t, world);
    for (let index = 0; index < 10; index++) {
      await world.put(set(`s${index % 3}`, net(index)));
      await followed.source.catchUp();
      t.match(followed.state(), `s${index % 3}=${net(index)}`);
    }
    await world.delete(setKey('s0'));
    await followed.source.catchUp();
    t.equal(followed.state(), `s1=${net(7)} s2=${net(8)}`);
    await Promise.all([followed.source.catchUp(), followed.source.catchUp()]);
  });

  check('changes of an object come in their order, and the last one counts', async (t, world) => {
    const followed = follow(t, world);
    await followed.until(() => followed.synced() > 0);
    for (let index = 0; index < 50; index++) await world.put(set('a', net(index)));
    await followed.source.catchUp();
    const seen = followed.told().filter((text) => text.startsWith('GlobalNetworkSet//a='));
    const order = seen.map((text) => Number(text.split('.').at(-1)));
    t.strictSame(
      order,
      order.toSorted((a, b) => a - b),
    );
    t.equal(followed.state(), `a=${net(49)}`);
  });

  check('deletion and what comes after it', async (t, world) => {
    await world.put(set('a', '10.0.0.1'), set('b', '10.0.0.2'));
    const followed = follow(t, world);
    await followed.source.catchUp();
    await world.delete(setKey('a'));
    await followed.source.catchUp();
    t.equal(followed.state(), 'b=10.0.0.2');
    await world.put(set('a', '10.0.0.9'));
    await followed.source.catchUp();
    t.equal(followed.state(), 'a=10.0.0.9 b=10.0.0.2');
    t.equal(followed.told().filter((text) => text.endsWith(' gone')).length, 1);
  });

  check('what happened while the datastore was away is told as the difference', async (t, world) => {
    await world.put(...['changed', 'deleted', 'replaced', 'same'].map((name) => set(name, '10.0.0.1')));
    const followed = follow(t, world);
    await followed.source.catchUp();
    await world.cut();
    await followed.until(() => followed.connection()?.connected === false);
    t.type(followed.connection()?.reason, 'string');
    await t.rejects(followed.source.catchUp());
    const before = followed.told().length;
    await world.delete(setKey('deleted'), setKey('replaced'));
    await world.put(set('changed', '10.0.0.2'), set('replaced', '10.0.0.3'), set('new', '10.0.0.4'));
    await world.restore();
    await followed.until(() => followed.connection()?.connected === true);
    await followed.source.catchUp();
    t.equal(followed.state(), 'changed=10.0.0.2 new=10.0.0.4 replaced=10.0.0.3 same=10.0.0.1');
    const told = followed.told().slice(before);
    t.ok(told.includes('GlobalNetworkSet//deleted gone'));
    t.notOk(
      told.some((text) => text.includes('//same')),
      'what is as it was is not told again',
    );
    t.equal(followed.synced(), 1);
  });

  check('a datastore that comes back as it was changes nothing', async (t, world) => {
    await world.put(set('a', '10.0.0.1'), set('b', '10.0.0.2'));
    const followed = follow(t, world);
    await followed.source.catchUp();
    const told = followed.told().length;
    await world.cut();
    await followed.until(() => followed.connection()?.connected === false);
    await world.restore();
    await followed.until(() => followed.connection()?.connected === true);
    await followed.source.catchUp();
    t.equal(followed.told().length, told);
    t.strictSame(
      followed.connections.map(({ connected }) => connected),
      [true, false, true],
    );
  });

  check('a datastore that is not there at the start is waited for', async (t, world) => {
    await world.put(set('a', '10.0.0.1'));
    await world.cut();
    const followed = follow(t, world);
    await followed.until(() => followed.connection()?.connected === false);
    await t.rejects(followed.source.catchUp());
    t.equal(followed.synced(), 0);
    await world.restore();
    await followed.until(() => followed.synced() > 0);
    t.equal(followed.state(), 'a=10.0.0.1');
  });

  check('garbage deletes nothing, and is told', async (t, world) => {
    await world.put(set('a', '10.0.0.1'), set('b', '10.0.0.2'));
    const followed = follow(t, world);
    await followed.source.catchUp();
    await world.putGarbage(setKey('a'));
    await followed.source.catchUp();
    const isTold = followed.objects.get('GlobalNetworkSet//a') === 'invalid' || followed.problems.size > 0;
    t.ok(isTold);
    t.notOk(followed.told().some((text) => text.endsWith(' gone')));
    await world.put(set('a', '10.0.0.3'));
    await followed.source.catchUp();
    t.equal(followed.state(), 'a=10.0.0.3 b=10.0.0.2');
    t.equal(followed.problems.size, 0);
  });

  check('kinds without use are ignored', async (t, world) => {
    await world.putUnknown();
    const followed = follow(t, world);
    await followed.source.catchUp();
    await world.putUnknown();
    await world.put(set('a', '10.0.0.1'));
    await followed.source.catchUp();
    t.equal(followed.state(), 'a=10.0.0.1');
    t.equal(followed.problems.size, 0);
  });

  check('10 000 objects, with a listener that takes its time', async (t, world) => {
    const all = Array.from({ length: 10_000 }, (_, index) => set(`s${index}`, net(index)));
    await world.put(...all);
    const followed = follow(t, world, { busyMs: 20 });
    await followed.until(() => followed.synced() > 0);
    const expected = (objects: readonly ApiObject[]): ReadonlyMap<string, unknown> =>
      new Map(objects.map(({ metadata, spec }) => [metadata.name, 'nets' in spec ? spec.nets : undefined]));
    const found = () =>
      new Map(
        [...followed.objects]
          .filter(([text]) => text.startsWith('GlobalNetworkSet/'))
          .map(([text, nets]) => [text.split('/')[2], [nets]]),
      );
    t.strictSame(found(), expected(all));
    const changed = all.slice(0, 500).map(({ metadata }, index) => set(metadata.name, net(index + 100_000)));
    for (let start = 0; start < 500; start += 50) await world.put(...changed.slice(start, start + 50));
    await world.delete(...all.slice(500, 600).map(({ metadata }) => setKey(metadata.name)));
    await followed.source.catchUp();
    t.strictSame(found(), expected([...changed, ...all.slice(600)]));
  });
}
