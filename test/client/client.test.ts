import t from 'tap';
import { applyPatch } from '../../src/client/apply-patch.js';
import { type Client, type ClientOptions, calicoClient } from '../../src/client/client.js';
import { dryRunStore } from '../../src/client/dry-run-store.js';
import { errorText } from '../../src/client/error-text.js';
import { examineObject } from '../../src/client/examine-object.js';
import { InvalidObjectError } from '../../src/client/invalid-object-error.js';
import { PatchError } from '../../src/client/json-patch.js';
import { prepareObject } from '../../src/client/prepare-object.js';
import { asStoredObject, keyOfStored } from '../../src/datastore/as-stored-object.js';
import { type StoredObject, StoreError, type WatchEvent } from '../../src/datastore/store.js';
import { type FakeStore, fakeStore } from '../../src/datastore/store-fake.js';
import { type Kind, kinds } from '../../src/resources/kinds.js';
import type { ObjectKey } from '../../src/resources/resource.js';
import { type Fields, sample, withField } from '../resources/sample-resources.js';

const apiVersion = 'projectcalico.org/v3';

function object(kind: Kind, metadata: Fields, spec: Fields = {}): StoredObject {
  const made = asStoredObject({ apiVersion, kind, metadata, spec });
  if (made === undefined) throw new Error('no object');
  return made;
}

/** Objects that samples refer to. */
const tier = object('Tier', { name: 't1' }, { order: 100, defaultAction: 'Deny' });
const defaultTier = object('Tier', { name: 'default' }, { order: 1_000_000, defaultAction: 'Deny' });

function open(
  initial: readonly StoredObject[] = [tier, defaultTier],
  options: ClientOptions = {},
): { store: FakeStore; client: Client } {
  const store = fakeStore(initial);
  return { store, client: calicoClient(store, options) };
}

const policy = (rest: Fields = {}): Fields => ({
  apiVersion,
  kind: 'NetworkPolicy',
  metadata: { name: 'p', namespace: 'prod' },
  spec: { selector: 'all()', ...rest },
});
const endpoint = (name = 'h1', spec: Fields = {}): Fields => ({
  apiVersion,
  kind: 'HostEndpoint',
  metadata: { name },
  spec: { node: 'n1', interfaceName: 'eth0', ...spec },
});
const h1: ObjectKey = { kind: 'HostEndpoint', name: 'h1' };

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    const isTyped = error instanceof StoreError || error instanceof InvalidObjectError || error instanceof PatchError;
    if (!isTyped) throw error;
    return errorText(error);
  }
  throw new Error('it should have been refused');
}

const written = (value: unknown, namespace?: string) => prepareObject(value, { namespace });

t.test('every kind: created, applied, replaced, patched, read, deleted', async (t) => {
  for (const { kind } of Object.values(kinds)) {
    await t.test(kind, async (t) => {
      const { client, store } = open(kind === 'Tier' ? [] : undefined);
      const value = sample(kind);
      const { key = { kind, name: '' }, object } = written(value);
      t.equal((await client.create(written(value))).action, 'created');
      const created = await client.get(key);
      t.match(created, { ...object, metadata: {} });
      t.match(await refusal(client.create(written(value))), /^resource already exists: \w+\(.*\)$/);

      const labelled = (text: string): Fields => withField(sample(kind), 'metadata.labels.step', text);
      t.equal((await client.apply(written(labelled('applied')))).action, 'updated');
      const applied = await client.get(key);
      t.match(applied.metadata.labels, { step: 'applied' });
      t.same(identity(applied), identity(created), 'it is the same object');
      await client.replace(written(labelled('replaced')));
      t.match((await client.get(key)).metadata.labels, { step: 'replaced' });
      await client.patch(key, { metadata: { labels: { step: 'patched' } } }, 'strategic');
      const patched = await client.get(key);
      t.match(patched.metadata.labels, { step: 'patched' });
      t.same([patched.spec, identity(patched)], [applied.spec, identity(created)]);
      t.same((await client.list(kind, key.namespace)).items.filter(isOf(key)), [patched]);
      t.same(examineObject(patched).issues, []);
      if (kind === 'ClusterInformation') {
        t.match(
          await refusal(client.delete(key)),
          /^operation delete is not supported on ClusterInformation\(default\)/,
        );
        return;
      }
      const policies = [...(await store.list('NetworkPolicy')).items];
      t.same(policies.length, kind === 'NetworkPolicy' ? 1 : 0);
      t.same((await client.delete(key)).object.metadata.uid, created.metadata.uid);
      const id = key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`;
      for (const again of [
        client.get(key),
        client.delete(key),
        client.replace(written(value)),
        client.patch(key, {}, 'merge'),
      ])
        t.equal(await refusal(again), `resource does not exist: ${kind}(${id})`);
      t.equal((await client.apply(written(value))).action, 'created', 'apply creates what is not there');
    });
  }
});

t.test('a FelixConfiguration is written with what Calico fills in', async (t) => {
  const { client } = open([]);
  const spec = async (given: Fields, name: string) => {
    const metadata = { name };
    return (await client.create(written({ apiVersion, kind: 'FelixConfiguration', metadata, spec: given }))).object
      .spec;
  };
  const bpf = (balancing: string, nat: string) => ({
    bpfLogLevel: '',
    bpfConnectTimeLoadBalancing: balancing,
    bpfHostNetworkedNATWithoutCTLB: nat,
  });
  t.strictSame(await spec({}, 'default'), { floatingIPs: 'Disabled', ...bpf('TCP', 'Enabled') });
  t.strictSame(await spec({ floatingIPs: 'Enabled', bpfConnectTimeLoadBalancing: 'Disabled' }, 'node.a'), {
    floatingIPs: 'Enabled',
    ...bpf('Disabled', 'Enabled'),
  });
  for (const [old, now] of [
    [true, 'Enabled'],
    [false, 'Disabled'],
  ] as const)
    t.match(await spec({ bpfConnectTimeLoadBalancingEnabled: old }, `node.${old}`), bpf(now, 'Disabled'));
});

t.test('what is empty is not written', async (t) => {
  const rule = { action: 'Allow', source: { nets: [], selector: '' }, destination: {}, metadata: { annotations: {} } };
  const given = {
    apiVersion,
    kind: 'GlobalNetworkPolicy',
    metadata: { name: 'p', annotations: {}, labels: { a: '' } },
    spec: { ingress: [rule], egress: [], doNotTrack: false, preDNAT: false, order: 0, performanceHints: [] },
  };
  const { object } = written(given);
  t.strictSame(object, {
    apiVersion,
    kind: 'GlobalNetworkPolicy',
    metadata: { name: 'p', labels: { a: '', 'projectcalico.org/tier': 'default' } },
    spec: { ingress: [{ action: 'Allow', metadata: {} }], order: 0, tier: 'default', types: ['Ingress'] },
  });
  const ports = [
    { protocol: 'TCP', port: 80, name: 'http' },
    { protocol: 'TCP', port: 81, hostPort: 8081 },
  ];
  const endpoint = sample('WorkloadEndpoint');
  t.match(written({ ...endpoint, spec: { ...Object(endpoint.spec), ports } }).object, {
    spec: {
      ports: [
        { name: 'http', hostPort: 0, hostIP: '' },
        { name: '', hostPort: 8081, hostIP: '' },
      ],
    },
  });
});

function identity({ metadata: { uid, creationTimestamp } }: StoredObject): unknown[] {
  return [typeof uid, uid, creationTimestamp];
}

function isOf({ name }: ObjectKey): (each: StoredObject) => boolean {
  return ({ metadata }) => metadata.name === name;
}

t.test('a dry run', async (t) => {
  const { store } = open([
    tier,
    defaultTier,
    object('HostEndpoint', { name: 'h0' }, { node: 'n1', interfaceName: 'eth0' }),
  ]);
  const before = [...store.requests];
  const client = calicoClient(dryRunStore(store), { initialisation: {} });
  await client.tryInitialise();
  t.equal((await client.apply(written(endpoint()))).action, 'created');
  t.equal((await client.apply(written(endpoint('h1', { interfaceName: 'eth1' })))).action, 'updated');
  t.match(await refusal(client.create(written(endpoint()))), /^resource already exists/);
  await client.patch({ kind: 'HostEndpoint', name: 'h0' }, { spec: { node: 'n2' } }, 'merge');
  const names = async () =>
    (await client.list('HostEndpoint')).items.map(({ metadata, spec }) => [metadata.name, Object(spec).node]);
  t.same(
    await names(),
    [
      ['h0', 'n2'],
      ['h1', 'n1'],
    ],
    'as it would be',
  );
  t.match(await refusal(client.delete(h1, '9')), /^update conflict/);
  await client.delete(h1);
  await client.delete({ kind: 'HostEndpoint', name: 'h0' });
  t.same(await names(), []);
  t.match(await refusal(client.delete(h1)), /^resource does not exist/);
  t.match(await refusal(client.get(h1)), /^resource does not exist/);
  await client.create(written({ ...policy(), spec: { tier: 'kube-admin' } }));
  t.same((await client.list('NetworkPolicy', 'prod')).items.length, 1, 'in a tier that would be made');
  t.same((await client.list('NetworkPolicy', 'other')).items.length, 0);
  t.same(
    store.requests.slice(before.length).filter((request) => /^(?:create|update|delete)/.test(request)),
    [],
  );
});

t.test('what is filled in', async (t) => {
  const { client } = open();
  const { object: made } = await client.create(
    written({ ...policy({ egress: [{ action: 'Deny' }] }), metadata: { name: 'p' } }),
  );
  t.match(made, {
    metadata: { namespace: 'default', labels: { 'projectcalico.org/tier': 'default' } },
    spec: { tier: 'default', types: ['Egress'] },
  });
  t.match(
    (await client.create(written({ ...policy(), metadata: { name: 'p' } }, 'there'))).object.metadata.namespace,
    'there',
  );
  t.match(
    await refusal(client.create(written(policy(), 'there'))),
    /resource namespace does not match client namespace. prod != there/,
  );
  t.equal(await refusal(client.create(written(endpoint(), 'there'))), 'HostEndpoint is not namespaced');
  const foreign = { uid: 'x', generation: 7, creationTimestamp: '2001-01-01T00:00:00Z', finalizers: ['a/b'] };
  const { object: fresh } = await client.create(written({ ...endpoint(), metadata: { name: 'h1', ...foreign } }));
  t.notMatch(fresh.metadata, { uid: 'x' });
  t.same([fresh.metadata.generation, fresh.metadata.finalizers], [undefined, undefined], 'another datastore said that');
});

t.test('what is not valid is not written', async (t) => {
  const { client, store } = open();
  const one = endpoint('h1', { interfaceName: 'no such name' });
  const two = endpoint('h1', { interfaceName: 'no such name', expectedIPs: ['x'] });
  for (const write of [client.create, client.apply, client.replace]) {
    t.match(
      await refusal(write(written(one))),
      /^error with field spec.interfaceName \(interface name 'no such name' must be/,
    );
    t.match(
      await refusal(write(written(two))),
      /^error with the following fields:\n- {2}spec.interfaceName \(.*\)\n- {2}spec.expectedIPs\[0\] \(/,
    );
    t.match(await refusal(write(written(endpoint('h1', { nod: 1 })))), /spec.nod \(field nod is not known here/);
    t.match(
      await refusal(write(written({ apiVersion, kind: 'IPPool', metadata: { name: 'x' } }))),
      /IPPool is a kind of Calico that Margay has no use for/,
    );
    t.match(await refusal(write(written('text'))), /a resource must be a map/);
  }
  t.same(
    store.requests.filter((request) => /^(?:create|update)/.test(request)),
    [],
  );
  t.match(
    await refusal(client.create(written({ ...endpoint(), metadata: { name: 'h1', resourceVersion: '1' } }))),
    /^error with field metadata.resourceVersion/,
  );
});

t.test('what Calico does not let be written', async (t) => {
  const { client } = open();
  const builtIn = { apiVersion, kind: 'Profile', metadata: { name: 'projectcalico-default-allow' } };
  const key = { kind: 'Profile', name: 'projectcalico-default-allow' };
  t.equal(
    await refusal(client.create(written(builtIn))),
    'resource already exists: Profile(projectcalico-default-allow)',
  );
  for (const work of [
    client.apply(written(builtIn)),
    client.replace(written(builtIn)),
    client.patch(key, { spec: {} }, 'merge'),
    client.delete(key),
  ])
    t.match(
      await refusal(work),
      /^operation \w+ is not supported on Profile\(projectcalico-default-allow\): it is built in/,
    );
  for (const name of ['default', 'kube-admin', 'kube-baseline'])
    t.match(await refusal(client.delete({ kind: 'Tier', name })), /every datastore has the tier/);
  t.match(
    await refusal(client.apply(written({ ...defaultTier, spec: { order: 5 } }))),
    /the order of tier default must be 1000000/,
  );
  const copied = { ...policy(), metadata: { name: 'knp.default.x' } };
  for (const work of [client.create(written(copied)), client.apply(written(copied)), client.replace(written(copied))])
    t.match(await refusal(work), /kubernetes network policies must be managed through the kubernetes API/);
  t.match(
    await refusal(client.delete({ kind: 'NetworkPolicy', namespace: 'default', name: 'knp.default.x' })),
    /through the kubernetes API/,
  );
});

t.test('tiers', async (t) => {
  const { client } = open();
  for (const kind of [
    'NetworkPolicy',
    'GlobalNetworkPolicy',
    'StagedNetworkPolicy',
    'StagedGlobalNetworkPolicy',
  ] as const) {
    const value = sample(kind);
    const inTier = (name: string): Fields => withField(structuredClone(value), 'spec.tier', name);
    t.equal(await refusal(client.create(written(inTier('nowhere')))), 'resource does not exist: Tier(nowhere)');
    t.equal(await refusal(client.apply(written(inTier('nowhere')))), 'resource does not exist: Tier(nowhere)');
    await client.apply(written(inTier('t1')));
    t.match(
      await refusal(client.delete({ kind: 'Tier', name: 't1' })),
      new RegExp(`can not be deleted, and ${kind}\\(\\S+\\) is in it`),
    );
    const { key } = written(value);
    if (key !== undefined) await client.delete(key);
  }
  await client.delete({ kind: 'Tier', name: 't1' });
  t.equal(await refusal(client.get({ kind: 'Tier', name: 't1' })), 'resource does not exist: Tier(t1)');
  const withoutTiers = open([], { impliedTiers: true }).client;
  await withoutTiers.create(written(policy()));
  t.same(
    (await withoutTiers.list('Tier')).items.map(({ metadata }) => metadata.name),
    ['default', 'kube-admin', 'kube-baseline'],
  );
  t.match(await open([]).client.create(written(policy())).catch(errorText), /does not exist: Tier\(default\)/);
});

t.test('what is there without being stored, and how objects are shown', async (t) => {
  const { client } = open([
    object('GlobalNetworkPolicy', { name: 'old', labels: { a: 'b' } }, { selector: 'all()' }),
    object('Tier', { name: 'plain' }, { order: 5 }),
    object('Tier', { name: 'bare' }),
  ]);
  t.match(await client.get({ kind: 'GlobalNetworkPolicy', name: 'old' }), {
    metadata: { labels: { a: 'b', 'projectcalico.org/tier': 'default' } },
    spec: { types: undefined },
  });
  t.same(
    (await client.list('Tier')).items.map(({ spec }) => spec),
    [
      { order: 1_000_000, defaultAction: 'Deny' },
      { order: 5, defaultAction: 'Deny' },
    ],
  );
  const profiles = await client.list('Profile');
  t.match(profiles.items, [{ metadata: { name: 'projectcalico-default-allow', resourceVersion: '1' } }]);
  t.same(await client.get({ kind: 'Profile', name: 'projectcalico-default-allow' }), profiles.items[0]);
});

t.test('somebody else writes, too', async (t) => {
  const { client, store } = open();
  await client.create(written(endpoint()));
  const conflict = () => new StoreError('conflict', 'somebody was faster', { key: h1 });
  for (const work of [
    () => client.replace(written(endpoint('h1', { interfaceName: 'eth1' }))),
    () => client.apply(written(endpoint('h1', { interfaceName: 'eth2' }))),
    () => client.patch(h1, { spec: { interfaceName: 'eth3' } }, 'merge'),
  ]) {
    store.failNext('update', conflict());
    store.failNext('update', conflict());
    t.match((await work()).object, { metadata: { name: 'h1' } }, 'read and tried again');
  }
  t.match((await client.get(h1)).spec, { interfaceName: 'eth3' });
  for (let tries = 0; tries < 5; tries++) store.failNext('update', conflict());
  t.equal(
    await refusal(client.replace(written(endpoint()))),
    'update conflict: HostEndpoint(h1): somebody was faster',
    'not for ever',
  );
  const seen = await client.get(h1);
  await client.patch(h1, { spec: { interfaceName: 'eth4' } }, 'merge');
  const stale = { ...endpoint(), metadata: { name: 'h1', resourceVersion: seen.metadata.resourceVersion } };
  const expected =
    /^update conflict: HostEndpoint\(h1\): resource version '\d+' is out of date \(latest: \d+\). Update the resource/;
  for (const work of [client.replace(written(stale)), client.apply(written(stale)), client.patch(h1, stale, 'merge')])
    t.match(await refusal(work), expected);
  t.match(await refusal(client.delete(h1, seen.metadata.resourceVersion)), /^update conflict: HostEndpoint\(h1\)/);
  t.match((await client.get(h1)).spec, { interfaceName: 'eth4' });
});

t.test('patches', async (t) => {
  const { client } = open();
  await client.create(
    written({ ...endpoint('h1', { profiles: ['a', 'b'] }), metadata: { name: 'h1', labels: { a: '1', b: '2' } } }),
  );
  const patch = async (value: unknown, type: 'strategic' | 'merge' | 'json' = 'strategic') => {
    const { object: patched } = await client.patch(h1, value, type);
    return { labels: patched.metadata.labels, ...Object(patched.spec) };
  };
  t.match(await patch({ metadata: { labels: { a: null, c: 3 } } }), { labels: { a: undefined, b: '2', c: '3' } });
  t.match(await patch({ spec: { profiles: ['c'] } }), { profiles: ['c'], node: 'n1' }, 'lists are replaced');
  t.match(await patch({ metadata: { labels: { $patch: 'replace', z: '1' } } }), { labels: { b: undefined, z: '1' } });
  t.match(await patch({ spec: { $patch: 'replace', node: 'n2', expectedIPs: ['10.0.0.1'] } }), {
    interfaceName: undefined,
    node: 'n2',
  });
  t.match(await patch({ spec: { profiles: ['x', 'y'], '$setElementOrder/profiles': ['x', 'y'] } }), {
    profiles: ['x', 'y'],
  });
  t.match(await patch({ spec: { '$deleteFromPrimitiveList/profiles': ['x'] } }), { profiles: ['y'] });
  t.match(await patch({ spec: { $retainKeys: ['node', 'expectedIPs'], node: 'n3' } }), {
    node: 'n3',
    profiles: undefined,
  });
  t.match(await patch({ spec: { node: 'n4' } }, 'json'), { node: 'n4' }, 'a map of any type, as with calicoctl');
  t.match(
    await patch(
      [
        { op: 'replace', path: '/spec/node', value: 'n5' },
        { op: 'add', path: '/metadata/labels/x~1y', value: 'z' },
      ],
      'json',
    ),
    {
      node: 'n5',
      labels: { 'x/y': 'z' },
    },
  );
  t.match(
    await refusal(client.patch(h1, { spec: { nodee: 'x' } }, 'merge')),
    /^error with field spec.nodee \(field nodee is not known/,
  );
  t.match(
    await refusal(client.patch(h1, { spec: { node: '' } }, 'merge')),
    /^error with field spec.node \(node must be specified/,
  );
  t.equal(
    await refusal(client.patch(h1, { metadata: { name: 'h2' } }, 'merge')),
    'a patch can not make HostEndpoint(h2) of HostEndpoint(h1)',
  );
  t.match(await refusal(client.patch(h1, 'text', 'strategic')), /the patch must be a map of fields$/);
  t.match(await refusal(client.patch(h1, [], 'merge')), /the patch must be a map of fields$/);
  const before = await client.get(h1);
  await client.patch(h1, { metadata: { uid: 'other', creationTimestamp: null } }, 'merge');
  t.same(identity(await client.get(h1)), identity(before), "its identity is not a user's to change");
  await client.create(written(policy({ ingress: [{ action: 'Allow' }], egress: [{ action: 'Allow' }] })));
  const key = { kind: 'NetworkPolicy', namespace: 'prod', name: 'p' };
  const { object: moved } = await client.patch(key, { spec: { egress: null, types: null, tier: 't1' } }, 'strategic');
  t.match(
    moved,
    { metadata: { labels: { 'projectcalico.org/tier': 't1' } }, spec: { types: ['Ingress'] } },
    'filled in anew',
  );
});

t.test('a field that only newer versions know is dropped by a patch, and no error', async (t) => {
  const { client } = open([
    { ...object('HostEndpoint', { name: 'h1' }, { node: 'n1', interfaceName: 'eth0', newer: { x: 1 } }) },
  ]);
  const { object: patched } = await client.patch(h1, { spec: { node: 'n2' } }, 'merge');
  t.same(patched.spec, { node: 'n2', interfaceName: 'eth0' });
});

t.test('JSON patch, by RFC 6902', async (t) => {
  const base = { a: { b: [1, 2, 3] }, c: 'x', '': 0 };
  const cases: [unknown, unknown][] = [
    [
      { op: 'add', path: '/a/b/1', value: 9 },
      { ...base, a: { b: [1, 9, 2, 3] } },
    ],
    [
      { op: 'add', path: '/a/b/-', value: 9 },
      { ...base, a: { b: [1, 2, 3, 9] } },
    ],
    [
      { op: 'add', path: '/a/b/3', value: 9 },
      { ...base, a: { b: [1, 2, 3, 9] } },
    ],
    [
      { op: 'add', path: '/d', value: null },
      { ...base, d: null },
    ],
    [
      { op: 'remove', path: '/a/b/0' },
      { ...base, a: { b: [2, 3] } },
    ],
    [
      { op: 'replace', path: '/a/b/2', value: 7 },
      { ...base, a: { b: [1, 2, 7] } },
    ],
    [
      { op: 'replace', path: '/', value: 7 },
      { ...base, '': 7 },
    ],
    [{ op: 'replace', path: '', value: { z: 1 } }, { z: 1 }],
    [
      { op: 'move', from: '/c', path: '/a/d' },
      { a: { b: [1, 2, 3], d: 'x' }, '': 0 },
    ],
    [
      { op: 'copy', from: '/a/b/0', path: '/a/b/0' },
      { ...base, a: { b: [1, 1, 2, 3] } },
    ],
    [{ op: 'test', path: '/a/b', value: [1, 2, 3] }, base],
  ];
  for (const [operation, expected] of cases)
    t.same(applyPatch(base, [operation], 'json'), expected, JSON.stringify(operation));
  t.same(base, { a: { b: [1, 2, 3] }, c: 'x', '': 0 }, 'what is patched stays');
  const bad: [unknown, RegExp][] = [
    [{ op: 'remove', path: '/nowhere' }, /^operation 0 of the patch: there is no nowhere$/],
    [{ op: 'replace', path: '/a/x', value: 1 }, /there is no \/a\/x/],
    [{ op: 'replace', path: '/a/b/3', value: 1 }, /there is no \/a\/b\/3/],
    [{ op: 'add', path: '/a/b/4', value: 1 }, /there is no item 4/],
    [{ op: 'add', path: '/a/b/01', value: 1 }, /01 is no index/],
    [{ op: 'add', path: '/c/d', value: 1 }, /there is nothing to hold d/],
    [{ op: 'remove', path: '' }, /the whole object can not be removed/],
    [{ op: 'remove', path: 'a' }, /path must be a JSON pointer/],
    [{ op: 'move', path: '/a' }, /from must be a JSON pointer/],
    [{ op: 'test', path: '/c', value: 'y' }, /test of \/c failed/],
    [{ op: 'frob', path: '/c' }, /op must be add, remove/],
    ['text', /must be a map with op and path/],
  ];
  for (const [operation, message] of bad)
    t.throws(() => applyPatch(base, [operation], 'json'), { message }, JSON.stringify(operation));
});

t.test('a datastore is initialised', async (t) => {
  const { client, store } = open([], { initialisation: {} });
  await client.tryInitialise();
  const { items } = await store.list('ClusterInformation');
  t.match(items, [
    {
      metadata: { name: 'default' },
      spec: { datastoreReady: true, clusterGUID: /^[0-9a-f]{32}$/, clusterType: undefined },
    },
  ]);
  t.same(
    (await store.list('Tier')).items.map(({ metadata, spec }) => [metadata.name, spec]),
    [
      ['default', { order: 1_000_000, defaultAction: 'Deny' }],
      ['kube-admin', { order: 1000, defaultAction: 'Pass' }],
      ['kube-baseline', { order: 10_000_000, defaultAction: 'Pass' }],
    ],
  );
  const requests = store.requests.length;
  await client.tryInitialise();
  t.same(store.requests.slice(requests), ['get ClusterInformation//default', 'list Tier'], 'once');
  await client.apply(
    written({ apiVersion, kind: 'ClusterInformation', metadata: { name: 'default' }, spec: { datastoreReady: false } }),
  );
  await client.tryInitialise();
  const [after] = (await store.list('ClusterInformation')).items;
  t.match(
    after?.spec,
    { datastoreReady: false, clusterGUID: /^[0-9a-f]{32}$/ },
    'what was said stays, and which cluster it is',
  );
});

t.test('an initialised datastore gets what it lacks', async (t) => {
  const partial = object('ClusterInformation', { name: 'default' }, { clusterType: 'k8s,bgp', calicoVersion: 'v3' });
  const own = object('Tier', { name: 'kube-admin' }, { order: 7, defaultAction: 'Deny' });
  const { client, store } = open([partial, own], { initialisation: { clusterType: 'kdd' } });
  await client.tryInitialise();
  const [information] = (await store.list('ClusterInformation')).items;
  t.match(information?.spec, {
    clusterType: 'k8s,bgp,kdd',
    calicoVersion: 'v3',
    datastoreReady: true,
    clusterGUID: /^[0-9a-f]{32}$/,
  });
  t.same((await store.get({ kind: 'Tier', name: 'kube-admin' })).spec, own.spec, 'what is there stays');
  const raced = open([], { initialisation: {} });
  raced.store.failNext('create', new StoreError('already-exists', 'another was first'));
  await raced.client.tryInitialise();
  t.equal((await raced.store.list('Tier')).items.length, 3);
  const refused = open([], { initialisation: {} });
  refused.store.failNext('get', new StoreError('forbidden', 'no'));
  await t.resolves(refused.client.tryInitialise(), 'who may not do that may still write');
  const none = open([]);
  await none.client.tryInitialise();
  t.same(none.store.requests, [], 'files need none');
});

t.test('where nobody may create, what is there can be changed', async (t) => {
  const { client, store } = open();
  await client.create(written(endpoint()));
  store.failNext('create', new StoreError('unsupported', 'pods make these', { key: h1 }));
  t.equal((await client.apply(written(endpoint('h1', { interfaceName: 'eth1' })))).action, 'updated');
  store.failNext('create', new StoreError('forbidden', 'no right to create hostendpoints', { key: h1 }));
  t.equal(await refusal(client.apply(written(endpoint()))), 'no right to create hostendpoints');
  store.failNext('get', new StoreError('unauthorized', 'bad password'));
  t.equal(await refusal(client.get(h1)), 'connection is unauthorized: bad password');
});

t.test('a node takes what belongs to it along', async (t) => {
  const node = { apiVersion, kind: 'Node', metadata: { name: 'n1' } };
  const { client, store } = open();
  const others = [endpoint('h2', { node: 'n2' }), { ...sample('FelixConfiguration'), metadata: { name: 'node.n2' } }];
  const own = [
    endpoint(),
    { ...sample('FelixConfiguration'), metadata: { name: 'node.n1' } },
    sample('WorkloadEndpoint'),
  ];
  for (const value of [...others, ...own]) await client.create(written(value));
  t.equal(await refusal(client.delete({ kind: 'Node', name: 'n1' })), 'resource does not exist: Node(n1)');
  t.equal((await store.list('HostEndpoint')).items.length, 2, 'nothing is deleted for a Node that is not there');
  const { object: made } = await client.create(written(node));
  t.match(await refusal(client.delete({ kind: 'Node', name: 'n1' }, '1')), /^update conflict: Node\(n1\)/);
  store.failNext('delete', new StoreError('unsupported', 'pods make these'));
  store.failNext('delete', new StoreError('not-found', 'gone meanwhile'));
  const { dependents } = await client.delete({ kind: 'Node', name: 'n1' }, made.metadata.resourceVersion);
  t.same(dependents.map(keyOfStored), [h1], 'those that could not be deleted are not told');
  t.equal((await store.list('HostEndpoint')).items.length, 1);
  t.equal((await store.list('Node')).items.length, 0);
});

t.test('following', async (t) => {
  const { client, store } = open([
    object('GlobalNetworkPolicy', { name: 'a' }),
    object('GlobalNetworkPolicy', { name: 'b' }),
  ]);
  const stop = new AbortController();
  const events: string[] = [];
  const label = ({ type, object: { metadata } }: WatchEvent) =>
    `${type} ${metadata.name} ${Object(metadata.labels).step ?? ''}`.trim();
  const stream = client.follow('GlobalNetworkPolicy', { signal: stop.signal })[Symbol.asyncIterator]();
  const next = async (count: number): Promise<string[]> => {
    for (let number = 0; number < count; number++) {
      const { value } = await stream.next();
      t.equal(value.object.metadata.labels['projectcalico.org/tier'], 'default', 'as it is shown');
      events.push(label(value));
    }
    return events.splice(0);
  };
  t.same(await next(2), ['added a', 'added b']);
  const patched = (name: string, step: string) =>
    client.patch({ kind: 'GlobalNetworkPolicy', name }, { metadata: { labels: { step } } }, 'merge');
  const waiting = next(1);
  await patched('a', 'one');
  t.same(await waiting, ['modified a one']);
  store.expire();
  await client.delete({ kind: 'GlobalNetworkPolicy', name: 'a' });
  await patched('b', 'two');
  await store.create(object('GlobalNetworkPolicy', { name: 'c' }));
  t.same(
    (await next(3)).sort(),
    ['added c', 'deleted a one', 'modified b two'],
    'listed again, and the differences told',
  );
  const last = stream.next();
  stop.abort();
  t.equal((await last).done, true);
});

t.test('a store that has forgotten', async (t) => {
  const { store } = open();
  const { resourceVersion } = await store.list('HostEndpoint');
  await store.create(object('HostEndpoint', { name: 'h1' }));
  store.compact();
  const watch = async (from: string): Promise<void> => {
    const signal = AbortSignal.abort();
    for await (const event of store.watch('HostEndpoint', { resourceVersion: from, signal })) t.fail(event.type);
  };
  await t.rejects(watch(resourceVersion), { code: 'expired' });
  await watch((await store.list('HostEndpoint')).resourceVersion);
  await store.close();
});
