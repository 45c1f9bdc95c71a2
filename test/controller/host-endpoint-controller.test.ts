import { pino } from 'pino';
import t, { type Test } from 'tap';
import { runProgram } from '../../src/cli/program.js';
import { autoHostEndpointName, autoHostEndpoints } from '../../src/controller/auto-host-endpoints.js';
import { hostEndpointController } from '../../src/controller/host-endpoint-controller.js';
import type { Native } from '../../src/datastore/kubernetes/conversion/native.js';
import { kubernetesSource } from '../../src/datastore/kubernetes/kubernetes-source.js';
import type { HostEndpoint, Node, Resource } from '../../src/resources/kinds.js';
import { parseResource } from '../../src/resources/parse-resource.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { cluster } from '../kubernetes/cluster.js';
import { fakeWorld } from '../kubernetes/fake-world.js';
import { load, manifest } from '../kubernetes/manifests.js';
import { quickTimes } from '../kubernetes/source-suite.js';
import { calico, storeOf } from '../kubernetes/store-suite.js';
import { tokens } from '../kubernetes/world.js';

const creator = { 'projectcalico.org/created-by': 'calico-kube-controllers' };

function parsed(value: Native): Resource {
  const { parsed } = parseResource(value, { unknownFields: 'error', defaults: 'none', checkSelector });
  if (!parsed.valid) throw new Error(JSON.stringify(parsed.issues));
  return parsed.resource;
}

function node(name: string, spec: Native = {}, labels: Native = {}): Node {
  const resource = parsed({ apiVersion: 'projectcalico.org/v3', kind: 'Node', metadata: { name, labels }, spec });
  if (resource.kind !== 'Node') throw new Error('no node');
  return resource;
}

function nodes(...all: readonly Node[]): ReadonlyMap<string, Node> {
  return new Map(all.map((node) => [node.metadata.name, node]));
}

function endpoints(...all: readonly HostEndpoint[]): ReadonlyMap<string, HostEndpoint> {
  return new Map(all.map((endpoint) => [endpoint.metadata.name, endpoint]));
}

/** What is made for one node. */
function madeFor(one: Node): HostEndpoint {
  const [endpoint] = autoHostEndpoints(nodes(one), new Map()).create;
  if (endpoint === undefined) throw new Error('nothing was made');
  return endpoint;
}

t.test('the host endpoint of a node, as Calico makes it', async (t) => {
  const one = node(
    'n1',
    {
      bgp: { ipv4Address: '172.16.0.1/24', ipv6Address: 'fd00::1/64', ipv4IPIPTunnelAddr: '10.0.0.1' },
      ipv4VXLANTunnelAddr: '10.0.0.2',
      ipv6VXLANTunnelAddr: 'fd00::2',
      wireguard: { interfaceIPv4Address: '10.0.0.3', interfaceIPv6Address: 'fd00::3' },
      addresses: [
        { address: '172.16.0.1/24', type: 'CalicoNodeIP' },
        { address: '172.16.0.1', type: 'InternalIP' },
        { address: '172.16.0.9', type: 'InternalIP' },
        { address: '1.2.3.4', type: 'ExternalIP' },
        { address: 'nonsense', type: 'InternalIP' },
      ],
      interfaces: [{ name: 'eth1', addresses: ['172.16.0.9', '172.17.0.1'] }],
    },
    { 'kubernetes.io/hostname': 'n1' },
  );
  const endpoint = madeFor(one);
  t.strictSame(endpoint, {
    apiVersion: 'projectcalico.org/v3',
    kind: 'HostEndpoint',
    metadata: { name: 'n1-auto-hep', labels: { 'kubernetes.io/hostname': 'n1', ...creator } },
    spec: {
      node: 'n1',
      interfaceName: '*',
      expectedIPs: [
        '172.16.0.1',
        'fd00::1',
        '10.0.0.1',
        '10.0.0.2',
        'fd00::2',
        '10.0.0.3',
        'fd00::3',
        '172.16.0.9',
        '172.17.0.1',
      ],
      profiles: ['projectcalico-default-allow'],
    },
  });
  t.doesNotThrow(() => parsed({ ...endpoint }));
  t.notHas(madeFor(node('bare')).spec, { expectedIPs: [] }, 'a node without addresses has one, too');
});

t.test('names', async (t) => {
  t.equal(autoHostEndpointName('n1'), 'n1-auto-hep');
  t.equal(autoHostEndpointName('n'.repeat(244)), `${'n'.repeat(244)}-auto-hep`);
  const long = autoHostEndpointName('n'.repeat(245));
  t.match(long, /^[a-z0-9]{38,43}-auto-hep$/);
  t.equal(long, autoHostEndpointName('n'.repeat(245)));
  t.not(long, autoHostEndpointName('m'.repeat(245)));
});

t.test('what has to be done', async (t) => {
  const one = node('n1', { addresses: [{ address: '10.0.0.1', type: 'InternalIP' }] });
  const made = madeFor(one);
  const none = { create: [], update: [], remove: [], taken: [] };
  t.strictSame(autoHostEndpoints(nodes(one), endpoints(made)), none, 'nothing, if all is as it should be');
  t.strictSame(autoHostEndpoints(nodes(), endpoints(made)), { ...none, remove: ['n1-auto-hep'] }, 'the node is gone');
  t.strictSame(autoHostEndpoints(new Map([['n1', undefined]]), endpoints(made)), none, 'the node can not be read');

  const changes: readonly HostEndpoint[] = [
    { ...made, metadata: { ...made.metadata, labels: { ...creator, other: 'x' } } },
    { ...made, metadata: { ...made.metadata, annotations: { a: 'b' } } },
    { ...made, spec: { ...made.spec, expectedIPs: [] } },
    { ...made, spec: { ...made.spec, interfaceName: 'eth0' } },
  ];
  for (const changed of changes) t.strictSame(autoHostEndpoints(nodes(one), endpoints(changed)).update, [made]);

  const foreign: HostEndpoint = { ...made, metadata: { name: 'n1-auto-hep', labels: { mine: 'yes' } } };
  t.strictSame(autoHostEndpoints(nodes(one), endpoints(foreign)), { ...none, taken: ['n1-auto-hep'] });
  t.strictSame(autoHostEndpoints(nodes(), endpoints(foreign)), none, "somebody else's is never deleted");
  const ofTemplate: HostEndpoint = { ...made, metadata: { ...made.metadata, name: 'n1-t-auto-hep' } };
  t.strictSame(
    autoHostEndpoints(nodes(), endpoints(ofTemplate)),
    none,
    "nor that of a template of Calico's controllers",
  );
  const posing: HostEndpoint = { ...made, spec: { ...made.spec, node: 'n2' } };
  t.strictSame(autoHostEndpoints(nodes(), endpoints(posing)), none, 'nor one whose name is not that of its node');
});

t.test('the controller, in a cluster', async (t) => {
  const { world, write, store, start } = await setUp(t);
  await write.create(kubernetesNode('n1', '172.16.0.1', { zone: 'a' }));
  await store.create(
    calico('HostEndpoint', { name: 'n2-auto-hep', labels: { mine: 'yes' } }, { node: 'n2', interfaceName: 'eth0' }),
  );
  await write.create(kubernetesNode('n2', '172.16.0.2'));
  const { until, lines } = start();
  const n1 = { kind: 'HostEndpoint', name: 'n1-auto-hep' };
  await until(1);
  t.match(await store.get(n1), {
    metadata: { labels: { zone: 'a', ...creator } },
    spec: { node: 'n1', interfaceName: '*', expectedIPs: ['172.16.0.1'], profiles: ['projectcalico-default-allow'] },
  });
  t.match(await store.get({ kind: 'HostEndpoint', name: 'n2-auto-hep' }), { metadata: { labels: { mine: 'yes' } } });
  t.ok(lines.some((line) => line.includes('n2-auto-hep is not an automatic one')));

  await write.change(kubernetesNode('n1', ''), (object) => ({
    ...object,
    metadata: { ...Object(object.metadata), labels: { zone: 'b' } },
  }));
  await until(2);
  t.match(await store.get(n1), { metadata: { labels: { zone: 'b' } } }, 'a label of the node');

  await store.delete(n1);
  await until(3);
  t.match(await store.get(n1), { metadata: { labels: { zone: 'b' } } }, 'somebody has deleted it');

  const changed = await store.get(n1);
  await store.update({ ...changed, spec: { node: 'n1', interfaceName: 'eth0' } });
  await until(4);
  t.match(await store.get(n1), { spec: { interfaceName: '*' } }, 'somebody has changed it');

  await write.remove(kubernetesNode('n1', ''));
  await until(5);
  const left = (await store.list('HostEndpoint')).items.map(({ metadata }) => metadata.name);
  t.strictSame(left, ['n2-auto-hep'], 'the node is gone');
  t.equal(world.fake.requests.filter(({ path }) => path.endsWith('/pods')).length, 0, 'pods are not its business');
});

t.test('what can not be written is tried again', async (t) => {
  const { world, write, store, start } = await setUp(t);
  await write.create(kubernetesNode('n1', '172.16.0.1'));
  let refused = 0;
  world.fake.fault = ({ path, method }) => {
    if (method !== 'POST' || !path.endsWith('/hostendpoints') || refused >= 2) return undefined;
    refused += 1;
    return { status: 403 };
  };
  const { until, lines } = start();
  await until(1);
  t.match(await store.get({ kind: 'HostEndpoint', name: 'n1-auto-hep' }), { spec: { node: 'n1' } });
  t.equal(lines.filter((line) => line.includes('could not be created; trying again')).length, 2);
});

t.test('an endpoint that somebody else changes again and again', async (t) => {
  const { write, store, start } = await setUp(t);
  await write.create(kubernetesNode('n1', '172.16.0.1'));
  const { until, lines, runs } = start();
  await until(1);
  const key = { kind: 'HostEndpoint', name: 'n1-auto-hep' };
  const disturb = async (interfaceName: string): Promise<void> => {
    await store.update({ ...(await store.get(key)), spec: { node: 'n1', interfaceName } });
  };
  for (let round = 0; round < 5; round++) {
    await disturb(`eth${round}`);
    await until(2 + round);
  }
  await disturb('eth5');
  await runs.until(() => lines.some((line) => line.includes('is changed again and again')));
  t.match(await store.get(key), { spec: { interfaceName: 'eth5' } }, 'it is left to them for a while');
});

t.test('the command runs until a signal', async (t) => {
  const { world, write, store } = await setUp(t);
  await write.create(kubernetesNode('n1', '172.16.0.1'));
  const { certificates, link } = world;
  const cluster = {
    server: `https://127.0.0.1:${link.port}`,
    'certificate-authority-data': Buffer.from(certificates.ca).toString('base64'),
  };
  const kubeconfig = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user: { token: tokens.admin } }],
  };
  const directory = t.testdir({ kubeconfig: JSON.stringify(kubeconfig) });
  const command = ['controller', 'auto-hostendpoints', '--log-level', 'fatal', '--datastore'];
  const written: string[] = [];
  const output = { write: (text: string) => written.push(text) };
  const io = { stdout: output, stderr: output, environment: {} };
  const ended = runProgram([...command, `kubernetes:${directory}/kubeconfig`], io);
  const isCreating = () =>
    world.fake.requests.some(({ method, path }) => method === 'POST' && path.endsWith('/hostendpoints'));
  await world.fake.until(isCreating);
  process.emit('SIGTERM');
  t.equal(await ended, 0);
  t.match(
    await store.get({ kind: 'HostEndpoint', name: 'n1-auto-hep' }),
    { spec: { node: 'n1' } },
    'what it has made stays',
  );
  t.equal(await runProgram([...command, 'file:/nowhere'], io), 2);
  t.match(written.join(''), /for the nodes of a cluster only/);
});

function kubernetesNode(name: string, ip: string, labels: Native = {}): Native {
  const addresses = [{ type: 'InternalIP', address: ip }];
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, status: { addresses } };
}

async function setUp(t: Test) {
  const world = await fakeWorld();
  t.teardown(() => world.close());
  await load(world.admin, manifest('crds.yaml'));
  const store = storeOf(t, world);

  /** Starts it; `until` waits until it has written so many times, and what it wrote has come back. */
  function start() {
    const lines: string[] = [];
    let written = 0;
    const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
    const source = kubernetesSource({
      url: 'kubernetes:',
      access: async () => world.access('admin'),
      checkSelector,
      kinds: ['Node', 'HostEndpoint'],
      times: quickTimes,
    });
    const waiting = new Set<() => void>();
    const runs = {
      count: 0,
      until: (condition: () => boolean) =>
        new Promise<void>((resolve) => {
          const look = (): void => {
            if (!condition()) return;
            waiting.delete(look);
            resolve();
          };
          waiting.add(look);
          look();
        }),
    };
    const controller = hostEndpointController({
      source,
      store: storeOf(t, world),
      log,
      retryMs: 20,
      ran() {
        runs.count += 1;
        written = lines.filter((line) => / was (created|updated|deleted)/.test(line)).length;
        for (const look of waiting) look();
      },
    });
    t.teardown(() => controller.stop());
    controller.start();
    return { lines, runs, until: (count: number) => runs.until(() => written >= count) };
  }

  return { world, write: cluster(world.admin), store, start };
}
