import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { runProgram } from '../../src/cli/program.js';
import { AccessError } from '../../src/datastore/kubernetes/client/cluster-access.js';
import { listIn, mapIn, type Native } from '../../src/datastore/kubernetes/conversion/native.js';
import { type KubernetesSourceOptions, kubernetesSource } from '../../src/datastore/kubernetes/kubernetes-source.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { calicoObject, cluster } from '../kubernetes/cluster.js';
import { contractStore } from '../kubernetes/contract-store.js';
import { contractWorld } from '../kubernetes/contract-world.js';
import { definitionsFile } from '../kubernetes/custom-resource-definitions.js';
import { definedResource } from '../kubernetes/fake/api-resources.js';
import type { FakeRequest } from '../kubernetes/fake/fake-api-server.js';
import { fakeWorld } from '../kubernetes/fake-world.js';
import { load, manifest } from '../kubernetes/manifests.js';
import { record } from '../kubernetes/recorder.js';
import { type Followed, follow, quickTimes, sourceSuite } from '../kubernetes/source-suite.js';
import { calico, storeOf, storeSuite } from '../kubernetes/store-suite.js';
import { tokens } from '../kubernetes/world.js';
import { sourceContract } from './source-contract.js';
import { storeContract } from './store-contract.js';

type FakeWorld = Awaited<ReturnType<typeof fakeWorld>>;

const sets = '/apis/crd.projectcalico.org/v1/globalnetworksets';

t.test('a source, with the fake API server', async (t) => {
  const world = await worldOf(t);
  world.fake.bookmarkMs = 500;
  await sourceSuite(t, world);
});

t.test('a store, with the fake API server', async (t) => storeSuite(t, await worldOf(t)));

t.test('the contract of stores, with the fake API server', async (t) => {
  const world = await worldOf(t);
  await storeContract(t, (t) => contractStore(t, world));
});

t.test('the contract of sources, with the fake API server', async (t) => {
  const world = await worldOf(t);
  sourceContract(t, () => contractWorld(world));
});

t.test('lists come in pages', async (t) => {
  const world = await worldOf(t);
  putSets(world, 1200);
  const followed = await inSync(follow(t, world));
  t.equal(setsOf(followed).length, 1200);
  t.strictSame(
    lists(world).map(({ query }) => [query.get('limit'), query.has('continue')]),
    [
      ['500', false],
      ['500', true],
      ['500', true],
    ],
  );
});

t.test('a list that takes so long that the server forgets where it began', async (t) => {
  const world = await worldOf(t);
  putSets(world, 1200);
  let faults = 0;
  world.fake.fault = ({ path, query }) => {
    if (path !== sets || !query.has('continue') || faults > 0) return undefined;
    faults += 1;
    world.fake.store.delete('crd.projectcalico.org/globalnetworksets', '/s0000');
    return { status: 410 };
  };
  const followed = await inSync(follow(t, world), false);
  t.equal(setsOf(followed).length, 1199, 'what the first try had and the second did not is gone');
  t.strictSame(
    lists(world).map(({ query }) => query.get('limit')),
    ['500', '500', '2000'],
    'in larger pages',
  );
  const told = followed.seen.log.filter((line) => line.startsWith('update GlobalNetworkSet'));
  t.equal(told.length, 1200, 'each was told once');
});

t.test('a server that is too busy is left alone as long as it says, and nothing is listed again', async (t) => {
  const world = await worldOf(t);
  putSets(world, 1);
  let busy = 0;
  world.fake.fault = ({ path, query }) => {
    if (path !== sets || busy >= 4) return undefined;
    // Twice for the list, then twice for the watch.
    if (query.has('watch') !== busy >= 2) return undefined;
    busy += 1;
    return { status: busy % 2 === 0 ? 503 : 429, retryAfter: 0 };
  };
  const followed = await inSync(follow(t, world));
  await write(world).create(calicoObject('GlobalNetworkSet', 'later', {}));
  await followed.seen.until(() => setsOf(followed).includes('later'), 'a change');
  t.equal(lists(world).length, 3);
  t.equal(followed.seen.problems.size, 0, 'which is told to nobody');
});

t.test('a server that fails for long is told', async (t) => {
  const world = await worldOf(t);
  putSets(world, 1);
  const followed = await inSync(follow(t, world));
  const { seen } = followed;
  world.fake.fault = ({ path }) => (path === sets ? { status: 500 } : undefined);
  world.link.cut();
  world.link.mend();
  const file = 'globalnetworksets.crd.projectcalico.org';
  await seen.until(() => seen.problems.has(file), 'that the kind can not be followed');
  t.match(seen.problems.get(file), [/500 Injected/]);
  t.strictSame(setsOf(followed), ['s0000'], 'what is known stays');
  await seen.until(() => seen.connection?.connected === true, 'others are followed');
  world.fake.fault = undefined;
  await seen.until(() => !seen.problems.has(file), 'the end of it');
});

t.test('what is too old may be said by the status of HTTP, too', async (t) => {
  const world = await worldOf(t);
  world.fake.goneInStatus = true;
  putSets(world, 2);
  const followed = await inSync(follow(t, world));
  await world.restart(async () => {
    world.fake.store.delete('crd.projectcalico.org/globalnetworksets', '/s0000');
  });
  await followed.seen.until(() => setsOf(followed).length === 1, 'the difference');
  t.strictSame(followed.seen.log, ['delete GlobalNetworkSet//s0000']);
});

t.test('an error in a watch', async (t) => {
  const world = await worldOf(t);
  putSets(world, 1);
  const followed = await inSync(follow(t, world));
  const before = lists(world).length;
  world.fake.breakWatches({ code: 500, reason: 'InternalError', message: 'etcdserver: leader changed' });
  await write(world).create(calicoObject('GlobalNetworkSet', 'later', {}));
  await followed.seen.until(() => setsOf(followed).includes('later'), 'a change');
  t.equal(lists(world).length, before, 'it goes on from where it was');
  world.fake.breakWatches({ code: 410, reason: 'Expired', message: 'too old resource version: 1 (2)' });
  await world.fake.until(() => lists(world).length > before);
  await followed.source.catchUp();
  t.strictSame(followed.seen.log, ['update GlobalNetworkSet//later'], 'which tells nothing new');
});

t.test('a server that starts does not know its custom resources yet', async (t) => {
  const world = await worldOf(t);
  putSets(world, 2);
  const { fake } = world;
  fake.started = false;
  const followed = follow(t, world);
  const { seen } = followed;
  await fake.until(() => asked(world, '/readyz') > 1);
  t.notOk(seen.inSync, 'there is no policy yet');
  fake.started = true;
  await inSync(followed);
  t.equal(setsOf(followed).length, 2);

  const before = asked(world, '/readyz');
  await world.restart(async () => {
    fake.started = false;
  });
  await fake.until(() => asked(world, '/readyz') > before + 1);
  t.equal(setsOf(followed).length, 2, 'nothing is deleted meanwhile');
  fake.started = true;
  await write(world).create(calicoObject('GlobalNetworkSet', 'later', {}));
  await seen.until(() => setsOf(followed).length === 3, 'a change');
  t.strictSame(seen.log, ['update GlobalNetworkSet//later']);
});

t.test('a server that ends in good order sends its clients elsewhere', async (t) => {
  const world = await worldOf(t);
  putSets(world, 1);
  const followed = await inSync(follow(t, world));
  const { seen, source } = followed;
  const { connections } = world.link;
  world.fake.goAway();
  await write(world).create(calicoObject('GlobalNetworkSet', 'between', {}));
  await seen.until(() => setsOf(followed).includes('between'), 'a change on the old connection');
  await source.catchUp();
  t.equal(world.link.connections, connections + 1, 'what is new goes by a new one');
  t.strictSame(seen.connection, { connected: true });
  await write(world).create(calicoObject('GlobalNetworkSet', 'later', {}));
  await seen.until(() => setsOf(followed).includes('later'), 'a change');
  t.strictSame(seen.log, ['update GlobalNetworkSet//between', 'update GlobalNetworkSet//later']);
});

t.test('a server whose data were restored from a backup', async (t) => {
  const world = await worldOf(t);
  putSets(world, 3);
  const followed = await inSync(follow(t, world));
  await world.restart(async () => {
    world.fake.store.delete('crd.projectcalico.org/globalnetworksets', '/s0000');
    world.fake.store.rewind(2);
  });
  await write(world).create(calicoObject('GlobalNetworkSet', 'after', {}));
  await followed.seen.until(() => setsOf(followed).includes('after'), 'what is older by its version');
  t.strictSame(setsOf(followed), ['after', 's0001', 's0002']);
});

t.test('a request that is not answered', async (t) => {
  const world = await worldOf(t);
  putSets(world, 1);
  let silent = 0;
  world.fake.fault = ({ path }) => {
    if (path !== sets || silent > 0) return undefined;
    silent += 1;
    return 'silence';
  };
  const followed = await inSync(follow(t, world, { times: { ...quickTimes, answerMs: 200 } }));
  t.equal(setsOf(followed).length, 1);
  t.equal(world.link.connections, 1, 'is no reason to give up the connection');
});

t.test('catching up with a large kind in which nothing happens', async (t) => {
  const world = await worldOf(t);
  putSets(world, 700);
  const followed = await inSync(follow(t, world));
  await followed.source.catchUp();
  const before = lists(world).length;
  await followed.source.catchUp();
  t.equal(lists(world).length, before, 'it has seen all that there is');
  await write(world).create(calicoObject('GlobalNetworkSet', 'later', {}));
  await followed.source.catchUp();
  t.ok(setsOf(followed).includes('later'));
  t.equal(lists(world).length, before, 'the watch brought it');
  await write(world).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } });
  await followed.source.catchUp();
  t.equal(lists(world).length, before + 2, 'a watch that brings nothing says nothing: it is listed');
  t.strictSame(followed.seen.log, ['update GlobalNetworkSet//later', 'update Profile//kns.other']);
});

t.test("which of Calico's groups counts", async (t) => {
  const world = await fakeWorld();
  t.teardown(() => world.close());
  const newer = manifest('crds.yaml').map(inNewerGroup);
  for (const definition of newer) world.fake.addResource(definedResource(definition));
  const { fake } = world;
  const put = (group: string, name: string, fields: Native = {}): void => {
    const metadata = { name, resourceVersion: '1', ...fields };
    fake.store.put(`${group}/globalnetworkpolicies`, `/${name}`, { metadata, spec: { selector: 'all()' } });
  };
  const annotations = { 'projectcalico.org/metadata': '{"labels":{"a":"b"}}' };
  put('projectcalico.org', 'default.p', { annotations });
  put('crd.projectcalico.org', 'default.p', { annotations });
  const policies = (followed: Followed) => [...followed.seen.objects.keys()].filter((key) => key.startsWith('Global'));

  const alone = await inSync(follow(t, world));
  t.strictSame(policies(alone), ['GlobalNetworkPolicy//default.p'], 'the newer one, if it is the only one');
  const store = storeOf(t, world);
  await store.create(calico('GlobalNetworkPolicy', { name: 'new', labels: { a: 'b' } }, { selector: 'all()' }));
  t.match(fake.store.get('projectcalico.org/globalnetworkpolicies', '/new'), {
    apiVersion: 'projectcalico.org/v3',
    metadata: { labels: { a: 'b' }, annotations: undefined },
  });

  await load(world.admin, manifest('crds.yaml'));
  const both = await inSync(follow(t, world));
  t.strictSame(policies(both), ['GlobalNetworkPolicy//p'], 'the older one, if there are both');
  const told = await inSync(follow(t, world, { calicoApiGroup: 'projectcalico.org/v3' }));
  t.strictSame(policies(told), ['GlobalNetworkPolicy//default.p', 'GlobalNetworkPolicy//new'], 'the one that is set');

  for (const { plural } of manifest('crds.yaml').map(definedResource))
    fake.removeResource({ group: 'crd.projectcalico.org', version: 'v1', plural });
  await both.seen.until(() => policies(both).includes('GlobalNetworkPolicy//new'), 'that the other one is found');
  t.strictSame(policies(both), ['GlobalNetworkPolicy//default.p', 'GlobalNetworkPolicy//new']);
});

t.test('slices of endpoints in the newer version of their group', async (t) => {
  const world = await worldOf(t);
  const { fake } = world;
  fake.addResource({
    group: 'discovery.k8s.io',
    version: 'v1',
    plural: 'endpointslices',
    kind: 'EndpointSlice',
    namespaced: true,
  });
  const metadata = { name: 'web', namespace: 'ns', labels: { 'kubernetes.io/service-name': 'web' } };
  fake.store.put('discovery.k8s.io/endpointslices', 'ns/web', { metadata, addressType: 'IPv4', endpoints: [] });
  const followed = await inSync(follow(t, world));
  t.ok(followed.resource('EndpointSlice/ns/web'));
  t.equal(asked(world, '/apis/discovery.k8s.io/v1beta1/endpointslices'), 0);
});

t.test('policies for the whole cluster are not enforced, which is told', async (t) => {
  const world = await worldOf(t);
  const kind = {
    version: 'v1alpha2',
    plural: 'clusternetworkpolicies',
    kind: 'ClusterNetworkPolicy',
    namespaced: false,
  };
  world.fake.addResource({ group: 'policy.networking.k8s.io', ...kind });
  t.match((await inSync(follow(t, world))).warnings, [/policy.networking.k8s.io.*not enforced/]);
});

t.test('the prefix of workload interfaces', async (t) => {
  const world = await worldOf(t);
  await write(world).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  await write(world).runningPod('default', 'nginx', '10.0.0.1');
  const followed = await inSync(follow(t, world, { interfacePrefix: 'eni,cali' }));
  t.match(followed.resource('WorkloadEndpoint/default/node1-k8s-nginx-eth0'), {
    spec: { interfaceName: 'enic440f455693' },
  });
});

t.test('a kubeconfig that can not be used yet', async (t) => {
  const world = await worldOf(t);
  let isThere = false;
  const followed = follow(t, world, {
    access: async () => {
      if (!isThere) throw new AccessError("the kubeconfig can't be read: ENOENT");
      return { ...world.access('agent'), warnings: ['not safe'] };
    },
  });
  const { seen } = followed;
  await seen.until(() => seen.connection?.connected === false, 'why not');
  t.match(seen.connection?.reason, /the kubeconfig can't be read/);
  isThere = true;
  await inSync(followed);
  t.strictSame(followed.warnings, ['not safe'], 'a warning is told once');
});

t.test('whatever happens, in the end it is as if nothing had happened', async (t) => {
  const step = fc.constantFrom(
    'put',
    'put',
    'put',
    'delete',
    'pod',
    'cut',
    'restart',
    'forget',
    'break',
    'away',
    'busy',
    'pause',
  );
  const lives = fc.array(fc.record({ step, name: fc.integer({ min: 0, max: 5 }) }), { minLength: 5, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(lives, async (life) => {
      const world = await fakeWorld();
      const source = (wanted: Partial<KubernetesSourceOptions> = {}) =>
        kubernetesSource({
          url: 'kubernetes:',
          access: async () => world.access('agent'),
          checkSelector,
          times: { ...quickTimes, retry: { firstMs: 5, mostMs: 50 }, pingMs: 50, pongMs: 200 },
          ...wanted,
        });
      const followed = source();
      try {
        await load(world.admin, manifest('crds.yaml'));
        const seen = record(followed);
        for (const [index, { step, name }] of life.entries()) await live(world, step, name, index);
        world.fake.fault = undefined;
        world.link.mend();
        await seen.until(() => seen.inSync && seen.connection?.connected === true, 'the connection');
        await followed.catchUp();
        const other = source({ access: async () => world.access('admin') });
        const fresh = record(other);
        await fresh.until(() => fresh.inSync, 'the truth');
        await other.stop();
        const sorted = (map: ReadonlyMap<string, unknown>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
        t.strictSame(sorted(seen.objects), sorted(fresh.objects));
      } finally {
        await followed.stop();
        await world.close();
      }
    }),
    { numRuns: 8, endOnFailure: true },
  );
});

/** One thing that can happen to a cluster. */
async function live(world: FakeWorld, step: string, name: number, index: number): Promise<void> {
  const { fake, link } = world;
  const resource = 'crd.projectcalico.org/globalnetworksets';
  switch (step) {
    case 'put':
      fake.store.put(resource, `/s${name}`, { metadata: { name: `s${name}` }, spec: { nets: [`10.${index}.0.0/16`] } });
      break;
    case 'delete':
      fake.store.delete(resource, `/s${name}`);
      break;
    case 'pod': {
      const metadata = { name: `p${name}`, namespace: 'ns' };
      const phase = index % 3 === 0 ? 'Succeeded' : 'Running';
      fake.store.put('/pods', `ns/p${name}`, {
        metadata,
        spec: { nodeName: 'n' },
        status: { phase, podIP: `10.0.${index}.1` },
      });
      break;
    }
    case 'cut':
      link.cut();
      setTimeout(() => link.mend(), 5 * name);
      break;
    case 'restart':
      await fake.restart();
      break;
    case 'forget':
      fake.breakWatches({ code: 410, reason: 'Expired', message: 'too old' });
      break;
    case 'break':
      fake.breakWatches({ code: 500, reason: 'InternalError', message: 'leader changed' });
      break;
    case 'away':
      fake.goAway();
      break;
    case 'busy':
      fake.fault = ({ user }) => (user === 'agent' && Math.random() < 0.3 ? { status: 429, retryAfter: 0 } : undefined);
      break;
    default:
      await new Promise((resolve) => setImmediate(resolve));
  }
}

t.test('from the command line', async (t) => {
  const world = await worldOf(t);
  const { certificates, link } = world;
  await write(world).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'prod' } });
  await write(world).runningPod('prod', 'web', '10.65.0.2', { labels: { app: 'web' } });
  await write(world).runningPod('prod', 'client', '10.65.0.3', { labels: { app: 'client' } });
  await write(world).runningPod('prod', 'other', '10.65.0.4');
  await write(world).create({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'web', namespace: 'prod' },
    spec: {
      podSelector: { matchLabels: { app: 'web' } },
      ingress: [
        {
          from: [{ podSelector: { matchLabels: { app: 'client' } } }, { ipBlock: { cidr: 'x' } }],
          ports: [{ port: 80 }],
        },
      ],
    },
  });
  const kubeconfig = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [
      {
        name: 'c',
        cluster: {
          server: `https://127.0.0.1:${link.port}`,
          'certificate-authority-data': Buffer.from(certificates.ca).toString('base64'),
        },
      },
    ],
    users: [{ name: 'u', user: { token: tokens.agent } }],
  };
  const directory = t.testdir({ kubeconfig: JSON.stringify(kubeconfig), interfaces: '[]' });
  const explain = (from: string) =>
    run(['explain', '--from', from, '--to', '10.65.0.2:80', '--proto', 'tcp'], directory);
  t.match(await explain('10.65.0.3'), { status: 0, stdout: /ALLOWED.*NetworkPolicy .*web/s });
  t.match(await explain('10.65.0.4'), {
    status: 1,
    stderr: /networkpolicies.networking.k8s.io\/prod\/web: KubernetesNetworkPolicy web: .*'x' is no network/,
  });
  const allow = await world.forbid('pods');
  t.match(await explain('10.65.0.3'), { status: 1, stderr: /kubernetes:.*403 Forbidden: pods is forbidden/ });
  await allow();
});

async function run(words: readonly string[], directory: string) {
  const written = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') => ({
    write(text: string) {
      written[name] += text;
    },
  });
  const at = ['--datastore', `kubernetes:${directory}/kubeconfig`, '--node', 'node1'];
  const status = await runProgram([...words, ...at, '--interfaces', `${directory}/interfaces`], {
    stdout: output('stdout'),
    stderr: output('stderr'),
    environment: {},
  });
  return { status, ...written };
}

t.test('the definitions of resources are those of the schemas', async (t) => {
  const file = new URL('../../docs/kubernetes/crds.yaml', import.meta.url);
  t.equal(readFileSync(file, 'utf8'), definitionsFile(), 'npm run crds');
});

async function worldOf(t: Test): Promise<FakeWorld> {
  const world = await fakeWorld();
  t.teardown(() => world.close());
  await load(world.admin, manifest('crds.yaml'));
  return world;
}

function write({ admin }: FakeWorld) {
  return cluster(admin);
}

/** `s0000` and so on. */
function putSets({ fake }: FakeWorld, count: number): void {
  for (let index = 0; index < count; index++) {
    const name = `s${String(index).padStart(4, '0')}`;
    const object = { metadata: { name }, spec: { nets: ['10.0.0.0/8'] } };
    fake.store.put('crd.projectcalico.org/globalnetworksets', `/${name}`, object);
  }
}

async function inSync(followed: Followed, clear = true): Promise<Followed> {
  await followed.seen.until(() => followed.seen.inSync, 'the first snapshot');
  if (clear) followed.seen.clear();
  return followed;
}

function setsOf({ seen }: Followed): string[] {
  const keys = [...seen.objects.keys()].filter((key) => key.startsWith('GlobalNetworkSet//'));
  return keys.map((key) => key.slice('GlobalNetworkSet//'.length)).sort();
}

/** Requests for lists of the sets, but for their version only. */
function lists({ fake }: FakeWorld): FakeRequest[] {
  return fake.requests.filter(
    ({ path, method, query }) => path === sets && method === 'GET' && !query.has('watch') && query.get('limit') !== '1',
  );
}

function asked({ fake }: FakeWorld, path: string): number {
  return fake.requests.filter((request) => request.path === path).length;
}

function inNewerGroup(definition: Native): Native {
  const spec = mapIn(definition, 'spec');
  const versions = listIn(spec, 'versions').map((version) => ({ ...mapIn({ version }, 'version'), name: 'v3' }));
  return { ...definition, spec: { ...spec, group: 'projectcalico.org', versions } };
}
