import type { Test } from 'tap';
import { ApiError } from '../../src/datastore/kubernetes/client/api-error.js';
import { type Native, textIn } from '../../src/datastore/kubernetes/conversion/native.js';
import { type KubernetesSourceOptions, kubernetesSource } from '../../src/datastore/kubernetes/kubernetes-source.js';
import type { Source } from '../../src/datastore/source.js';
import type { Resource } from '../../src/resources/kinds.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { calicoObject, cluster, pod } from './cluster.js';
import { load } from './manifests.js';
import { type Recorder, record } from './recorder.js';
import type { World } from './world.js';

/** Short, for tests. */
export const quickTimes = {
  retry: { firstMs: 50, mostMs: 500 },
  unknownMs: 200,
  confirmMs: 50,
  bringMs: 200,
  watchMs: 60_000,
  connectMs: 2000,
  pingMs: 300,
  pongMs: 1000,
  answerMs: 10_000,
};

export interface Followed {
  readonly source: Source;
  readonly seen: Recorder;
  readonly warnings: readonly string[];
  /** The valid resource of that key. */
  resource(key: string): Resource | undefined;
}

/** Follows the world as the agent does, until the test ends. */
export function follow(t: Test, world: World, options: Partial<KubernetesSourceOptions> = {}): Followed {
  const warnings: string[] = [];
  const source = kubernetesSource({
    url: 'kubernetes:',
    access: async () => world.access('agent'),
    checkSelector,
    warn: (message) => warnings.push(message),
    times: quickTimes,
    ...options,
  });
  const seen = record(source);
  t.teardown(() => source.stop());
  return {
    source,
    seen,
    warnings,
    resource(key) {
      const parsed = seen.objects.get(key);
      return parsed?.valid ? parsed.resource : undefined;
    },
  };
}

/** What a source must do with any API server; the cluster has the kinds of docs/kubernetes/crds.yaml. */
export async function sourceSuite(t: Test, world: World): Promise<void> {
  const write = cluster(world.admin);
  const namespace = async (name: string, labels: Readonly<Record<string, string>> = {}): Promise<string> => {
    await write.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
    return name;
  };
  const wep = (namespace: string, name: string): string =>
    `WorkloadEndpoint/${namespace}/node1-k8s-${name.replaceAll('-', '--')}-eth0`;
  const inSync = async (followed: Followed): Promise<void> => {
    await followed.seen.until(() => followed.seen.inSync, 'the first snapshot');
    followed.seen.clear();
  };

  await t.test('each kind comes, in the form of Calico', async (t) => {
    const ns = await namespace('kinds', { team: 'a' });
    await write.create({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'robot', namespace: ns, labels: { r: 's' } },
    });
    await write.create({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node1', annotations: { 'projectcalico.org/IPv4Address': '172.16.0.1/24' } },
      status: { addresses: [{ type: 'InternalIP', address: '172.16.0.1' }] },
    });
    await write.runningPod(ns, 'web-1', '10.65.0.2', {
      labels: { app: 'web' },
      spec: {
        serviceAccountName: 'robot',
        containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: 80 }] }],
      },
    });
    await write.create({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'web', namespace: ns },
      spec: { podSelector: { matchLabels: { app: 'web' } }, ingress: [{ ports: [{ port: 80 }] }] },
    });
    await write.create({
      apiVersion: 'discovery.k8s.io/v1beta1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-x', namespace: ns, labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.65.0.2'] }],
      ports: [{ port: 80, protocol: 'TCP' }],
    });
    const calico: readonly Native[] = [
      calicoObject('FelixConfiguration', 'default', { logSeverityScreen: 'Info', aFieldOfTomorrow: 1 }),
      calicoObject('Tier', 'low', {}),
      calicoObject('GlobalNetworkPolicy', 'low.g', {
        tier: 'low',
        selector: 'all()',
        types: ['Ingress'],
        ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [22, '80:90', 'http'] } }],
      }),
      calicoObject('NetworkPolicy', 'default.n', { selector: 'all()' }, { namespace: ns }),
      calicoObject('StagedGlobalNetworkPolicy', 'sg', { stagedAction: 'Set' }),
      calicoObject('StagedNetworkPolicy', 'sn', { stagedAction: 'Set' }, { namespace: ns }),
      calicoObject('StagedKubernetesNetworkPolicy', 'sk', { stagedAction: 'Set' }, { namespace: ns }),
      calicoObject('GlobalNetworkSet', 'gs', { nets: ['10.0.0.0/8'] }),
      calicoObject('NetworkSet', 's', { nets: ['10.0.0.0/8'] }, { namespace: ns }),
      calicoObject(
        'HostEndpoint',
        'h',
        { node: 'node1', interfaceName: 'eth0' },
        {
          labels: { native: '1' },
          annotations: {
            'projectcalico.org/metadata': JSON.stringify({ labels: { role: 'host' }, creationTimestamp: null }),
          },
        },
      ),
    ];
    for (const object of calico) await write.create(object);

    const followed = follow(t, world);
    await inSync(followed);
    const { resource, seen } = followed;
    t.match(resource(wep(ns, 'web-1')), {
      metadata: { labels: { app: 'web', 'projectcalico.org/namespace': ns } },
      spec: {
        node: 'node1',
        ipNetworks: ['10.65.0.2/32'],
        profiles: [`kns.${ns}`, `ksa.${ns}.robot`],
        ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
        serviceAccountName: 'robot',
      },
    });
    t.match(resource(`Profile//kns.${ns}`), {
      spec: { labelsToApply: { 'pcns.team': 'a', 'pcns.projectcalico.org/name': ns } },
    });
    t.match(resource(`Profile//ksa.${ns}.robot`), {
      spec: { labelsToApply: { 'pcsa.r': 's', 'pcsa.projectcalico.org/name': 'robot' } },
    });
    t.match(resource('Node//node1'), { spec: { bgp: { ipv4Address: '172.16.0.1/24' } } });
    t.match(resource('Tier//low'), { spec: { order: 1_000_000, defaultAction: 'Deny' } });
    t.match(resource('GlobalNetworkPolicy//low.g'), {
      spec: { ingress: [{ destination: { ports: [22, '80:90', 'http'] } }] },
    });
    t.match(resource('HostEndpoint//h'), { metadata: { labels: { native: '1', role: 'host' } } });
    t.match(resource(`KubernetesNetworkPolicy/${ns}/web`), {
      spec: {
        selector: "projectcalico.org/orchestrator == 'k8s' && app == 'web'",
        order: 1000,
        types: ['Ingress'],
        ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [80] } }],
      },
    });
    t.match(resource(`EndpointSlice/${ns}/web-x`), {
      spec: { service: 'web', addresses: ['10.65.0.2'], ports: [{ protocol: 'TCP', port: 80 }] },
    });
    for (const key of [
      `NetworkPolicy/${ns}/default.n`,
      'StagedGlobalNetworkPolicy//sg',
      `StagedNetworkPolicy/${ns}/sn`,
      `StagedKubernetesNetworkPolicy/${ns}/sk`,
      'GlobalNetworkSet//gs',
      `NetworkSet/${ns}/s`,
    ])
      t.ok(resource(key), key);
    const felix = seen.objects.get('FelixConfiguration//default');
    t.match(felix?.warnings, [{ code: 'unknown-field' }], 'a parameter of tomorrow is kept by the server, and told');
  });

  await t.test('the life of a pod', async (t) => {
    const ns = await namespace('life');
    const followed = follow(t, world);
    await inSync(followed);
    const { seen, source } = followed;
    const events = async (): Promise<readonly string[]> => {
      await source.catchUp();
      const told = seen.log.filter((line) => line.includes('WorkloadEndpoint'));
      seen.clear();
      return told;
    };
    const made = await write.create(pod(ns, 'p', { labels: { v: '1' } }));
    t.strictSame(await events(), [], 'without an address it is nothing');
    await write.setStatus(made, { phase: 'Pending', podIP: '10.65.1.1', podIPs: [{ ip: '10.65.1.1' }] });
    t.strictSame(await events(), [`update ${wep(ns, 'p')}`], 'it has one');
    await write.setStatus(made, {
      phase: 'Running',
      podIP: '10.65.1.1',
      podIPs: [{ ip: '10.65.1.1' }],
      conditions: [{ type: 'Ready', status: 'True' }],
    });
    t.strictSame(await events(), [], 'whether it is ready does not matter');
    await write.change(made, (object) => ({
      ...object,
      metadata: { ...(object.metadata as Native), labels: { v: '2' } },
    }));
    t.strictSame(await events(), [`update ${wep(ns, 'p')}`], 'a label does');
    await write.setStatus(made, { phase: 'Succeeded', podIP: '10.65.1.1', podIPs: [{ ip: '10.65.1.1' }] });
    t.strictSame(
      await events(),
      [`delete ${wep(ns, 'p')}`],
      'it has ended, and its address may be that of another one',
    );
    await write.remove(made);
    t.strictSame(await events(), [], 'it is gone');
  });

  await t.test('nothing is lost when the connection is, and nothing is told twice', async (t) => {
    const ns = await namespace('lost');
    await write.runningPod(ns, 'stays', '10.65.2.1');
    const doomed = await write.runningPod(ns, 'goes', '10.65.2.2');
    const followed = follow(t, world);
    await inSync(followed);
    const { seen, source } = followed;
    world.link.cut();
    await seen.until(() => seen.connection?.connected === false, 'that the connection is lost');
    t.match(seen.connection?.reason, /can't be reached|ended/);
    await t.rejects(source.catchUp(), 'it can not catch up meanwhile');
    await write.remove(doomed);
    await write.runningPod(ns, 'comes', '10.65.2.3');
    world.link.mend();
    await seen.until(() => seen.connection?.connected === true, 'the connection');
    await source.catchUp();
    t.strictSame([...seen.log].sort(), [`delete ${wep(ns, 'goes')}`, `update ${wep(ns, 'comes')}`].sort());
  });

  await t.test('a server that was killed and has forgotten what happened', async (t) => {
    const ns = await namespace('killed');
    await write.runningPod(ns, 'stays', '10.65.3.1');
    const doomed = await write.runningPod(ns, 'goes', '10.65.3.2');
    await write.create(calicoObject('GlobalNetworkSet', 'killed', { nets: ['10.0.0.0/8'] }));
    const followed = follow(t, world);
    await inSync(followed);
    const { seen, source } = followed;
    world.link.cut();
    await seen.until(() => seen.connection?.connected === false, 'that the connection is lost');
    await write.remove(doomed);
    await write.change(calicoObject('GlobalNetworkSet', 'killed', {}), (object) => ({
      ...object,
      spec: { nets: ['10.1.0.0/16'] },
    }));
    await world.restart();
    world.link.mend();
    await seen.until(() => seen.connection?.connected === true, 'the connection');
    await seen.until(() => seen.log.length >= 2, 'the differences');
    await source.catchUp();
    t.strictSame([...seen.log].sort(), [`delete ${wep(ns, 'goes')}`, 'update GlobalNetworkSet//killed'].sort());
    await world.restart();
    await seen.until(() => seen.connection?.connected === true, 'the connection once more');
    await source.catchUp();
    t.ok(seen.objects.has('GlobalNetworkSet//killed'), 'nothing is lost by a restart');
  });

  await t.test('a server that stops without a word', async (t) => {
    const ns = await namespace('frozen');
    const followed = follow(t, world);
    await inSync(followed);
    const { seen, source } = followed;
    world.link.freeze();
    await seen.until(() => seen.connection?.connected === false, 'that nothing is answered');
    t.match(seen.connection?.reason, /no answer|no connection/);
    await write.runningPod(ns, 'p', '10.65.4.1');
    world.link.mend();
    await seen.until(() => seen.objects.has(wep(ns, 'p')), 'the pod');
    await seen.until(() => seen.connection?.connected === true, 'the connection');
    await source.catchUp();
  });

  await t.test('a kind that may not be read', async (t) => {
    const ns = await namespace('forbidden');
    await write.runningPod(ns, 'p', '10.65.5.1');
    const allow = await world.forbid('pods');
    const followed = follow(t, world);
    const { seen, source } = followed;
    await seen.until(() => seen.problems.has('pods'), 'that pods are forbidden');
    t.match(seen.problems.get('pods')?.[0], /^WorkloadEndpoint: .*403 Forbidden: pods is forbidden/);
    t.match(seen.connection, { connected: false, reason: /403 Forbidden/ }, 'nothing may be put in force without them');
    t.notOk(seen.inSync);
    await t.rejects(source.catchUp(), /403/);
    await allow();
    await inSync(followed);
    t.strictSame(seen.problems.size, 0, 'the problem is over');
    t.strictSame(seen.connection, { connected: true });

    const allowAgain = await world.forbid('pods');
    world.link.cut();
    await seen.until(() => seen.connection?.connected === false, 'that the connection is lost');
    world.link.mend();
    await seen.until(() => seen.problems.has('pods'), 'that pods are forbidden again');
    await seen.until(() => seen.connection?.connected === true, 'the connection: other kinds are followed');
    t.ok(seen.objects.has(wep(ns, 'p')), 'what was known stays');
    await write.create(calicoObject('GlobalNetworkSet', 'meanwhile', {}));
    await seen.until(() => seen.objects.has('GlobalNetworkSet//meanwhile'), 'another kind');
    await t.rejects(source.catchUp(), /403/);
    await allowAgain();
    await seen.until(() => seen.problems.size === 0, 'the end of the problem');
    await source.catchUp();
  });

  await t.test('a stranger', async (t) => {
    const { seen, source } = follow(t, world, { access: async () => world.access('stranger') });
    await seen.until(() => seen.connection?.connected === false, 'that it is not let in');
    t.match(seen.connection?.reason, /401 Unauthorized/);
    await t.rejects(source.catchUp(), /401/);
    t.notOk(seen.inSync);
  });

  await t.test('a datastore that is not ready', async (t) => {
    const ns = await namespace('unready');
    const information = calicoObject('ClusterInformation', 'default', { datastoreReady: false });
    await write.create(information);
    t.teardown(() => write.remove(information));
    const ready = (datastoreReady: boolean) =>
      write.change(information, (object) => ({ ...object, spec: { datastoreReady } }));
    const followed = follow(t, world);
    const { seen, source } = followed;
    const isUnready = (reason: RegExp) => () =>
      seen.connection?.connected === true && reason.test(seen.connection.reason ?? '');
    await seen.until(isUnready(/datastoreReady of ClusterInformation default is false/), 'that it is not ready');
    t.notOk(seen.inSync);
    await ready(true);
    await inSync(followed);
    t.strictSame(seen.connection, { connected: true });

    await ready(false);
    await seen.until(isUnready(/datastoreReady/), 'that it is not ready any more');
    await t.rejects(source.catchUp(), /datastoreReady/);
    const made = await write.runningPod(ns, 'p', '10.65.6.1');
    t.notOk(seen.objects.has(wep(ns, 'p')));
    await ready(true);
    await seen.until(() => seen.objects.has(wep(ns, 'p')), 'what has changed meanwhile');
    await seen.until(() => seen.connection?.reason === undefined, 'that it is ready');
    t.strictSame(
      seen.log.filter((line) => line === 'inSync'),
      [],
      'that is told once',
    );
    await write.remove(information);
    await seen.until(isUnready(/is gone/), 'that the data may be gone');
    await write.remove(made);
    await write.create(calicoObject('ClusterInformation', 'default', { datastoreReady: true }));
    await seen.until(() => !seen.objects.has(wep(ns, 'p')), 'what has changed meanwhile');
    await source.catchUp();
  });

  await t.test('a kind that the server does not have yet, or not any more', async (t) => {
    const { definition, name } = await removeDefinition(world, 'networksets.crd.projectcalico.org');
    const ns = await namespace('unknown');
    const followed = follow(t, world);
    await inSync(followed);
    const { seen, source, warnings } = followed;
    t.match(warnings, [/does not have networksets.crd.projectcalico.org/]);
    t.strictSame(seen.problems.size, 0, 'nothing is wrong');
    await source.catchUp();
    await createDefinition(world, definition);
    await write.create(calicoObject('NetworkSet', 'set', { nets: ['10.0.0.0/8'] }, { namespace: ns }));
    await seen.until(() => seen.objects.has(`NetworkSet/${ns}/set`), 'an object of it');
    await removeDefinition(world, name);
    await seen.until(() => !seen.objects.has(`NetworkSet/${ns}/set`), 'its end');
    await createDefinition(world, definition);
    await source.catchUp();
  });

  await t.test('two stored objects that are the same policy', async (t) => {
    const older = calicoObject(
      'GlobalNetworkPolicy',
      'default.twin',
      { selector: 'a == "old"' },
      { annotations: { 'projectcalico.org/metadata': '{"creationTimestamp":null}' } },
    );
    const newer = calicoObject(
      'GlobalNetworkPolicy',
      'twin',
      { selector: 'a == "new"' },
      { annotations: { 'projectcalico.org/metadata': '{"name":"twin","creationTimestamp":null}' } },
    );
    await write.create(older);
    const followed = follow(t, world);
    await inSync(followed);
    const { seen, source, resource } = followed;
    const selector = () => resource('GlobalNetworkPolicy//twin');
    t.match(selector(), { spec: { selector: 'a == "old"' } });
    await write.create(newer);
    await source.catchUp();
    t.match(selector(), { spec: { selector: 'a == "new"' } }, 'the one of its own name counts');
    const file = 'globalnetworkpolicies.crd.projectcalico.org/default.twin';
    t.match(seen.problems.get(file), [/is also stored as .*twin, which counts/]);
    await write.remove(newer);
    await source.catchUp();
    t.match(selector(), { spec: { selector: 'a == "old"' } }, 'then the other one');
    t.notOk(seen.problems.has(file));
    await write.remove(older);
    await source.catchUp();
    t.equal(selector(), undefined);
  });

  await t.test('what is stopped tells nothing', async (t) => {
    const ns = await namespace('stopped');
    const followed = follow(t, world);
    await inSync(followed);
    await followed.source.stop();
    await write.runningPod(ns, 'p', '10.65.7.1');
    await t.rejects(followed.source.catchUp(), /not being followed/);
    t.strictSame(followed.seen.log, []);
  });
}

async function removeDefinition(
  { admin }: World,
  name: string,
): Promise<{ readonly definition: Native; readonly name: string }> {
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
  const definition = (await admin.request({ path })) as Native;
  await admin.request({ method: 'DELETE', path });
  for (;;) {
    try {
      await admin.request({ path });
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return { definition, name };
      throw error;
    }
  }
}

async function createDefinition({ admin }: World, { apiVersion, kind, metadata, spec }: Native): Promise<void> {
  await load(admin, [{ apiVersion, kind, metadata: { name: textIn(metadata, 'name') }, spec }]);
}
