import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createLab, type Lab, type Service } from '../lab/lab.js';
import { probeLines, probeLinesUntil } from '../lab/probe-lines.js';
import { createResourceStore, type Resource } from '../lab/resource-store.js';

const skip = process.getuid?.() === 0 ? false : 'network namespaces need root';
const services: readonly Service[] = ['tcp/22', 'tcp/80', 'tcp/5432', 'udp/53', 'udp/5000'];

const eth0 = (spec: object = {}): Resource => ({
  kind: 'HostEndpoint',
  metadata: { name: 'node0-eth0', labels: { role: 'edge' } },
  spec: { node: 'node0', interfaceName: 'eth0', ...spec },
});

const allEndpoints: Resource = {
  kind: 'HostEndpoint',
  metadata: { name: 'node0-all' },
  spec: { node: 'node0', interfaceName: '*' },
};

const workload = (lab: Lab, name: string): Resource => ({
  kind: 'WorkloadEndpoint',
  metadata: { name: `node0-k8s-${name}-eth0`, namespace: 'default', labels: { name } },
  spec: {
    node: 'node0',
    orchestrator: 'k8s',
    pod: name,
    endpoint: 'eth0',
    interfaceName: `cali${name}`,
    ipNetworks: [`${lab.address(name)}/32`, `${lab.address(name, undefined, 6)}/128`],
    profiles: ['projectcalico-default-allow'],
  },
});

const edgePolicy = (port: number): Resource => ({
  kind: 'GlobalNetworkPolicy',
  metadata: { name: 'edge' },
  spec: {
    selector: "role == 'edge'",
    ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [port] } }],
  },
});

/** Of network sets with the label `set`; those of a name are one set. */
const largeSet = (set: string, nets: readonly string[]): Resource => ({
  kind: 'GlobalNetworkSet',
  metadata: { name: set, labels: { set } },
  spec: { nets },
});

const manyNets = (first: number, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => {
    const number = first + index;
    return `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
  });

t.setTimeout(300_000);
t.test('packets of a node with the real agent', { skip }, async (t) => {
  const lab = await createLab({ workloads: [{ name: 'w0' }, { name: 'w1', plugged: false }] });
  t.teardown(() => lab.close());
  await Promise.all(['node0', 'x0', 'y0', 'w0'].map((host) => lab.serve(host, services)));

  await t.test('the network itself stops nothing', async (t) => {
    const hosts = ['node0', 'x0', 'y0', 'w0'];
    const lines = hosts.flatMap((from) =>
      hosts
        .filter((to) => to !== from)
        .flatMap((to) => [`${from} -> ${to} tcp/80 allow`, `${from} -> ${to} udp/5000 allow`]),
    );
    t.same(await probeLines(lab, lines), lines);
    const echo = ['x0 -> node0 icmp allow', 'x0 -> w0 icmp allow'];
    t.same(await probeLines(lab, echo), echo);
  });

  const store = createResourceStore(join(lab.directory, 'resources'));
  const agent = await lab.startAgent({ resources: store.directory });
  /** These resources are in force; one pass of probes must then do. */
  const inForce = async (...resources: readonly Resource[]) => {
    store.replaceAll(...resources);
    return agent.status({ waitSeconds: 20 });
  };
  const expect = async (t: Test, title: string, lines: readonly string[]) => {
    t.same(await probeLines(lab, lines), lines, title);
  };

  await t.test('without endpoints', async (t) => {
    await inForce();
    await expect(t, 'the node is left alone, interfaces of unknown workloads are closed', [
      'x0 -> node0 tcp/80 allow',
      'node0 -> x0 tcp/80 allow',
      'x0 -> y0 tcp/80 allow',
      'x0 -> w0 tcp/80 deny',
      'w0 -> x0 tcp/80 deny',
      'w0 -> node0 tcp/22 deny',
    ]);
  });

  await t.test('a host endpoint without policy', async (t) => {
    const status = await inForce(eth0());
    t.match(status.endpoints, [{ kind: 'HostEndpoint', name: 'node0-eth0', interfaces: ['eth0'], state: 'up' }]);
    await expect(t, 'eth0 is closed in both directions', [
      'x0 -> node0 tcp/80 deny',
      'x0 -> node0 udp/5000 deny',
      'x0 -> node0 icmp deny',
      'node0 -> x0 tcp/80 deny',
      'node0 -> x0 udp/5000 deny',
    ]);
    await expect(t, 'but for the failsafe ports of each direction', [
      'x0 -> node0 tcp/22 allow',
      'node0 -> x0 tcp/22 deny',
      'node0 -> x0 udp/53 allow',
      'x0 -> node0 udp/53 deny',
    ]);
    await expect(t, 'eth1 and what is forwarded are not its business', [
      'y0 -> node0 tcp/80 allow',
      'node0 -> y0 udp/5000 allow',
      'x0 -> y0 tcp/80 allow',
      'y0 -> x0 udp/5000 allow',
    ]);
  });

  await t.test('IPv6 neighbours are still found through a closed interface', async (t) => {
    await inForce(eth0());
    await lab.must('node0', ['ip', 'neigh', 'del', lab.address('x0', 'node0', 6), 'dev', 'eth0']);
    await lab.must('x0', ['ip', 'neigh', 'del', lab.address('node0', 'x0', 6), 'dev', 'eth0']);
    await expect(t, 'both sides', ['x0 -> node0 tcp/22 v6 allow', 'node0 -> x0 udp/53 v6 allow']);
    const found = await lab.must('node0', ['ip', '-6', 'neigh', 'show', 'to', lab.address('x0', 'node0', 6)]);
    t.match(found, /lladdr 02:00:ac:1f/, 'discovered, not configured');
    t.notMatch(found, /PERMANENT/);
  });

  await t.test('the profile projectcalico-default-allow opens a host endpoint', async (t) => {
    await inForce(eth0({ profiles: ['projectcalico-default-allow'] }));
    await expect(t, 'both directions', [
      'x0 -> node0 tcp/80 allow',
      'x0 -> node0 udp/5000 allow',
      'x0 -> node0 icmp allow',
      'node0 -> x0 tcp/80 allow',
    ]);
  });

  await t.test('a policy is edited while packets flow', async (t) => {
    await inForce(eth0(), edgePolicy(80));
    await expect(t, 'as written', ['x0 -> node0 tcp/80 allow', 'x0 -> node0 tcp/5432 deny', 'node0 -> x0 tcp/80 deny']);
    const connection = await lab.connect('x0', 'node0', 'tcp/80');
    const watch = await lab.watch('x0', 'node0', 'udp/5000');
    await inForce(eth0(), edgePolicy(5432));
    await expect(t, 'as edited', ['x0 -> node0 tcp/80 deny', 'x0 -> node0 tcp/5432 allow']);
    t.ok(await connection.alive(), 'what is connected stays connected');
    await inForce(eth0());
    await expect(t, 'deleted', ['x0 -> node0 tcp/80 deny', 'x0 -> node0 tcp/5432 deny']);
    const { sent, answered } = await watch.stop();
    t.ok(sent > 5, 'it was watched meanwhile');
    t.equal(answered, 0, 'what no version allows was never answered');
    await connection.close();
  });

  await t.test('large sets change while packets flow', async (t) => {
    const both = (host: string) => [lab.address(host, 'node0'), lab.address(host, 'node0', 6)];
    const [stranger, friend] = [both('x0'), both('y0')];
    const closed = 'x0 -> node0 tcp/80 deny';
    const open = 'y0 -> node0 tcp/80 allow';
    // Who is in both sets is denied; one of them without him would let him in, or the other one without her would shut her out.
    const version = (first: number) => [
      largeSet('inside', [...stranger, ...friend, ...manyNets(first, 25_000)]),
      largeSet('outside', [...stranger, ...manyNets(first, 25_000)]),
    ];
    const edge: readonly Resource[] = [
      allEndpoints,
      {
        kind: 'GlobalNetworkPolicy',
        metadata: { name: 'edge' },
        spec: {
          selector: 'all()',
          ingress: [
            { action: 'Deny', source: { selector: "set == 'outside'" } },
            { action: 'Allow', source: { selector: "set == 'inside'" } },
          ],
        },
      },
    ];
    // Files come one after the other: he must not be in `inside` alone.
    await inForce(...edge, largeSet('outside', stranger));
    const watch = await lab.watch('x0', 'node0', 'udp/5000');
    for (const first of [0, 100_000, 112_000]) {
      store.replaceAll(...edge, ...version(first));
      let isChanged = false;
      const changed = agent.status({ waitSeconds: 120 }).finally(() => {
        isChanged = true;
      });
      const always = first === 0 ? [closed] : [closed, open];
      while (!isChanged) t.same(await probeLines(lab, always), always, 'meanwhile');
      await changed;
      t.same(await probeLines(lab, [closed, open]), [closed, open], 'afterwards');
    }
    const { sent, answered } = await watch.stop();
    t.ok(sent > 5, 'it was watched meanwhile');
    t.equal(answered, 0);
  });

  await t.test('workloads', async (t) => {
    await inForce(eth0(), workload(lab, 'w0'));
    await expect(t, 'allowed by the profile, whatever the host endpoint denies', [
      'x0 -> w0 tcp/80 allow',
      'w0 -> x0 udp/5000 allow',
      'y0 -> w0 tcp/22 allow',
    ]);
    await expect(t, 'the host reaches its workloads; they do not reach the host, not even its failsafe ports', [
      'node0 -> w0 tcp/80 allow',
      'node0 -> w0 udp/5000 allow',
      'w0 -> node0 tcp/80 deny',
      'w0 -> node0 tcp/22 deny',
    ]);
    store.put({
      kind: 'FelixConfiguration',
      metadata: { name: 'default' },
      spec: { defaultEndpointToHostAction: 'Accept' },
    });
    await agent.status({ waitSeconds: 20 });
    await expect(t, 'unless the configuration accepts it', ['w0 -> node0 tcp/80 allow', 'x0 -> node0 tcp/80 deny']);
  });

  await t.test('who gets the address of a workload does not inherit its connections', async (t) => {
    const first = workload(lab, 'w0');
    const next: Resource = {
      ...first,
      metadata: { ...first.metadata, name: 'node0-k8s-next-eth0' },
      spec: { ...first.spec, pod: 'next', profiles: [] },
    };
    await inForce(first);
    const [kept, left] = [await lab.connect('x0', 'w0', 'tcp/80'), await lab.connect('x0', 'w0', 'tcp/80')];
    await inForce({ ...first, spec: { ...first.spec, profiles: [] } });
    t.ok(await kept.alive(), 'the same workload keeps them, whatever policy says');
    await inForce();
    await inForce(next);
    t.notOk(await left.alive());
    await Promise.all([kept.close(), left.close()]);
  });

  await t.test('the interface of a workload appears after its endpoint', async (t) => {
    await inForce(workload(lab, 'w1'));
    await lab.plug('w1');
    await lab.serve('w1', services);
    const open = ['x0 -> w1 tcp/80 allow', 'w1 -> x0 tcp/80 allow', 'x0 -> w0 tcp/80 deny'];
    t.same(await probeLinesUntil(lab, open), open);
    await lab.unplug('w1');
  });

  await t.test('a host endpoint for all interfaces', async (t) => {
    await inForce(allEndpoints, workload(lab, 'w0'));
    await expect(t, 'closes each of them', [
      'x0 -> node0 tcp/80 deny',
      'y0 -> node0 tcp/80 deny',
      'node0 -> y0 tcp/80 deny',
      'y0 -> node0 tcp/22 allow',
    ]);
    await expect(t, 'but nothing of workloads', [
      'node0 -> w0 tcp/80 allow',
      'x0 -> w0 tcp/80 allow',
      'w0 -> y0 tcp/80 allow',
    ]);

    await lab.must('fabric', [
      'ip',
      'link',
      'add',
      'late',
      'type',
      'veth',
      'peer',
      'name',
      'eth2',
      'netns',
      lab.namespace('node0'),
    ]);
    await lab.must('fabric', ['ip', 'link', 'set', 'late', 'master', 'net1', 'up']);
    await lab.must('node0', ['ip', 'address', 'add', '172.31.1.110/24', 'dev', 'eth2']);
    await lab.must('node0', ['ip', 'link', 'set', 'eth2', 'up']);
    await lab.serve('node0', services);
    const late = [
      'y0 -> 172.31.1.110 tcp/22 allow',
      'y0 -> 172.31.1.110 tcp/80 deny',
      'y0 -> 172.31.1.110 udp/5000 deny',
    ];
    t.same(await probeLinesUntil(lab, late), late, 'an interface that appears later as well');

    await inForce(allEndpoints, {
      kind: 'HostEndpoint',
      metadata: { name: 'node0-eth1' },
      spec: { node: 'node0', interfaceName: 'eth1', profiles: ['projectcalico-default-allow'] },
    });
    await lab.must('node0', ['ip', 'link', 'del', 'eth2']);
    await expect(t, 'a named one takes its place', ['y0 -> node0 tcp/80 allow', 'x0 -> node0 tcp/80 deny']);
  });

  await t.test('a policy that can not be read changes nothing', async (t) => {
    await inForce(eth0(), edgePolicy(80));
    const status = await inForce(eth0(), { ...edgePolicy(5432), spec: { selector: "role == 'edge", ingress: [] } });
    t.match(status, {
      ready: true,
      degraded: true,
      quarantined: [{ name: 'edge', path: 'spec.selector', inForce: 'last valid' }],
    });
    await expect(t, 'its last valid version stays', ['x0 -> node0 tcp/80 allow', 'x0 -> node0 tcp/5432 deny']);
  });

  t.equal(await agent.stop(), 0, 'SIGTERM ends it with status 0');
});
