import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { type Agent, runMargay } from '../lab/agent.js';
import { margayCommand } from '../lab/checkout.js';
import { inNamespace } from '../lab/command.js';
import { createLab, type Lab } from '../lab/lab.js';
import { probeLines, probeLinesUntil } from '../lab/probe-lines.js';
import { createResourceStore, type Resource } from '../lab/resource-store.js';

const skip = process.getuid?.() === 0 ? false : 'network namespaces need root';
const TABLE = ['inet', 'margay'] as const;

const endpoint: Resource = {
  kind: 'HostEndpoint',
  metadata: { name: 'node0-eth0', labels: { role: 'edge' } },
  spec: { node: 'node0', interfaceName: 'eth0' },
};
const friends = (...nets: readonly string[]): Resource => ({
  kind: 'GlobalNetworkSet',
  metadata: { name: 'friends', labels: { list: 'friends' } },
  spec: { nets },
});
const policy = (port: number, name = 'edge'): Resource => ({
  kind: 'GlobalNetworkPolicy',
  metadata: { name },
  spec: {
    selector: "role == 'edge'",
    ingress: [
      {
        action: 'Allow',
        protocol: 'TCP',
        source: { selector: "list == 'friends'" },
        destination: { ports: [port] },
      },
    ],
  },
});
const basic = [endpoint, friends('172.31.0.20', 'fd31::20'), policy(80)];
/** What `basic` means. */
const asWritten = [
  'x0 -> node0 tcp/80 allow',
  'x1 -> node0 tcp/80 deny',
  'x0 -> node0 tcp/5432 deny',
  'x0 -> node0 udp/5000 deny',
  'x0 -> node0 tcp/22 allow',
];

t.setTimeout(300_000);
t.test('the life of the real agent', { skip }, async (t) => {
  const lab = await createLab({ clients: ['x0', 'x1'], workloads: [{ name: 'w0' }] });
  t.teardown(() => lab.close());
  await lab.serve('node0', ['tcp/22', 'tcp/80', 'tcp/5432', 'udp/5000']);
  const nft = (...argv: readonly string[]) => lab.must('node0', ['nft', ...argv]);
  // Of somebody else: with the hooks and priorities of a host firewall, and a set.
  await lab.must('node0', ['nft', '-f', '-'], {
    input: `table inet foreign {
      set s { type ipv4_addr; elements = { 192.0.2.1 } }
      chain input { type filter hook input priority filter; policy accept; ip saddr @s drop; }
    }
    `,
  });
  const foreign = await nft('list', 'table', 'inet', 'foreign');
  const store = createResourceStore(join(lab.directory, 'resources'));
  store.put(...basic);
  const agent = await lab.startAgent({ resources: store.directory });
  const inForce = async (...resources: readonly Resource[]) => {
    store.replaceAll(...resources);
    return agent.status({ waitSeconds: 30 });
  };
  const expect = async (t: Test, lines: readonly string[], title: string) => {
    t.same(await probeLines(lab, lines), lines, title);
  };
  await expect(t, asWritten, 'in force once it is ready');

  await t.test('what others do to the table is repaired', async (t) => {
    const tamper = async (title: string, argv: readonly string[]) => {
      const { repairs } = (await agent.status()).drift;
      const told = warnings(agent).length;
      await nft(...argv);
      t.ok(await until(async () => (await agent.status()).drift.repairs > repairs), `${title}: told`);
      t.same(await probeLinesUntil(lab, asWritten, 5), asWritten, title);
      const culprit = /our table was changed by nft \(pid \d+\)/;
      t.match(warnings(agent).slice(told), [culprit], `${title}: the culprit is in the log`);
    };
    await tamper('the whole ruleset is flushed', ['flush', 'ruleset']);
    await lab.must('node0', ['nft', '-f', '-'], { input: foreign });
    await tamper('our table is deleted', ['delete', 'table', ...TABLE]);
    const rule = await findRule(lab, /tcp dport 80 accept/);
    await tamper('a rule is deleted', ['delete', 'rule', ...TABLE, rule.chain, 'handle', rule.handle]);
    await tamper('a rule is inserted', ['insert', 'rule', ...TABLE, rule.chain, 'accept']);
    const set = await findSet(lab, '172.31.0.20');
    await tamper('an element is deleted', ['delete', 'element', ...TABLE, set, '{ 172.31.0.20 }']);
    await tamper('an element is added', ['add', 'element', ...TABLE, set, '{ 172.31.0.21 }']);
    await tamper('a chain is added', ['add', 'chain', ...TABLE, 'strange']);
    t.notMatch(await nft('list', 'table', ...TABLE), /strange/, 'and removed');
    t.equal(await nft('list', 'table', 'inet', 'foreign'), foreign, 'the foreign table is as it was');
  });

  await t.test('a restart writes nothing', async (t) => {
    await inForce(...basic);
    const connection = await lab.connect('x0', 'node0', 'tcp/80');
    const [denied, allowed] = [await lab.watch('x1', 'node0', 'tcp/80'), await lab.watch('x0', 'node0', 'tcp/80', 6)];
    const monitor = await monitorOf(lab);
    t.teardown(() => monitor.end());
    const before = await agent.status();
    t.equal(await agent.stop(), 0, 'SIGTERM: status 0');
    await expect(t, asWritten, 'while it is stopped, its rules stay');
    await agent.start();
    const after = await agent.status();
    t.same(after.ruleset, before.ruleset, 'the ruleset is the same');
    t.equal(monitor.told(), '', 'nft monitor saw nothing');
    t.ok(await connection.alive(), 'what was connected stays connected');
    t.equal((await denied.stop()).answered, 0, 'what is denied was never answered');
    const { sent, answered } = await allowed.stop();
    t.equal(answered, sent, 'what is allowed was always answered');
    await inForce(...basic, policy(5432, 'another'));
    t.ok(await until(async () => monitor.told().includes('5432')), 'nft monitor does see a change');
  });

  await t.test('killed in the middle of 500 changes', async (t) => {
    await inForce(...basic);
    const watches = await Promise.all([lab.watch('x1', 'node0', 'tcp/80'), lab.watch('x0', 'node0', 'udp/5000', 6)]);
    for (let i = 0; i < 500; i++) {
      store.put(policy(1000 + i, `p${i % 100}`), friends('172.31.0.20', 'fd31::20', `10.0.${i % 250}.0/24`));
      if (i === 250) await agent.kill();
      // Slow enough for several transactions before the end.
      if (i % 10 === 0) await pause(10);
    }
    store.put(policy(5432, 'p99'));
    await agent.start();
    const status = await agent.status({ waitSeconds: 30 });
    t.match(status, { ready: true, degraded: false });
    await expect(
      t,
      ['x0 -> node0 tcp/5432 allow', 'x0 -> node0 tcp/80 allow', 'x1 -> node0 tcp/5432 deny'],
      'the last state',
    );
    for (const watch of watches) t.equal((await watch.stop()).answered, 0, 'what is denied was never answered');
    t.same(await rulesOf(lab, 'node0'), await renderedRules(lab, store.directory), 'the kernel has what render prints');
  });

  await t.test('the dry run', async (t) => {
    await inForce(...basic);
    const dryRun = () => inNode(lab, ['run', '--dry-run', '--node', 'node0', '--datastore', `file:${store.directory}`]);
    const [first, second] = [await dryRun(), await dryRun()];
    t.equal(first.exitCode, 0);
    t.match(first.stdout, /^table inet margay/m);
    t.equal(first.stdout, second.stdout, 'twice the same bytes');
    t.same(await renderedRules(lab, store.directory), await rulesOf(lab, 'node0'), 'and what is in force');
    const check = await lab.exec('fabric', ['nft', '--check', '-f', '-'], { input: first.stdout });
    t.equal(check.exitCode, 0, `nft --check: ${check.stderr}`);
  });

  await t.test('a second daemon is refused', async (t) => {
    const { runDirectory } = agent;
    const second = await lab.startAgent({ name: 'second', resources: store.directory, runDirectory, readySeconds: 0 });
    t.equal(await second.exited(), 1);
    t.match(second.log(), new RegExp(`${agent.pid()}.*runs on ${runDirectory} already`));
    t.equal((await agent.status()).ready, true, 'the first one goes on');
  });

  await t.test('SIGHUP', async (t) => {
    agent.signal('SIGHUP');
    await agent.status({ waitSeconds: 20 });
    t.ok(agent.pid(), 'the process stays');
    await expect(t, asWritten, 'and so do its rules');
  });

  await t.test('uninstall', async (t) => {
    const refused = await agent.margay(['uninstall']);
    t.equal(refused.exitCode, 1, 'refused while the daemon runs');
    t.match(refused.stderr, new RegExp(`pid ${agent.pid()}\\b`), 'which it names');
    await expect(t, asWritten, 'nothing has changed');
    await agent.stop();
    const done = await agent.margay(['uninstall']);
    t.equal(done.exitCode, 0, done.stderr);
    t.equal(await nft('list', 'tables'), 'table inet foreign\n', 'only the foreign table is left');
    t.equal(await nft('list', 'table', 'inet', 'foreign'), foreign, 'as it was');
    await expect(t, ['x1 -> node0 tcp/80 allow', 'x0 -> node0 udp/5000 allow'], 'the node is open');
    t.equal((await agent.margay(['status'])).exitCode, 3, 'status: no daemon');
  });
});

/** Whether something becomes true within some seconds. */
async function until(holds: () => Promise<boolean>, seconds = 5): Promise<boolean> {
  for (const start = performance.now(); performance.now() - start < seconds * 1000; await pause(50)) {
    if (await holds()) return true;
  }
  return false;
}

function warnings(agent: Agent): string[] {
  return agent
    .log()
    .split('\n')
    .filter((line) => line.includes('our table was changed'));
}

async function findRule(lab: Lab, pattern: RegExp): Promise<{ readonly chain: string; readonly handle: string }> {
  let chain = '';
  for (const line of (await lab.must('node0', ['nft', '-a', 'list', 'table', ...TABLE])).split('\n')) {
    chain = /^\tchain (\S+) \{/.exec(line)?.[1] ?? chain;
    const handle = /# handle (\d+)$/.exec(line)?.[1];
    if (pattern.test(line) && handle !== undefined) return { chain, handle };
  }
  throw new Error(`no rule matches ${pattern}`);
}

async function findSet(lab: Lab, element: string): Promise<string> {
  const listing = await lab.must('node0', ['nft', 'list', 'sets', 'inet']);
  const block = listing.split(/(?=^\tset )/m).find((text) => text.includes(element));
  const name = /^\tset (\S+)/.exec(block ?? '')?.[1];
  if (name === undefined) throw new Error(`no set has ${element}`);
  return name;
}

interface Monitor {
  told(): string;
  end(): void;
}

async function monitorOf(lab: Lab): Promise<Monitor> {
  const [command = '', ...args] = inNamespace(lab.namespace('node0'), ['nft', 'monitor']);
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  const monitor: Monitor = { told: () => told, end: () => void child.kill('SIGKILL') };
  // It says nothing when it has begun to listen, so it must see something that is not of the agent.
  const seen = await until(async () => {
    await lab.must('node0', ['nft', 'add table inet probe; delete table inet probe']);
    return told.includes('probe');
  });
  if (!seen) throw new Error('nft monitor tells nothing');
  await pause(200);
  told = '';
  return monitor;
}

function inNode(lab: Lab, argv: readonly string[]) {
  return runMargay(inNamespace(lab.namespace('node0'), [...margayCommand, ...argv]));
}

/** The table of a namespace without handles, sorted: the kernel keeps chains in the order in which they were made. */
async function rulesOf(lab: Lab, host: string): Promise<string[]> {
  const { nftables } = JSON.parse(await lab.must(host, ['nft', '-j', 'list', 'table', ...TABLE])) as Listing;
  const objects = nftables.filter((object) => !('metainfo' in object));
  const sorted = (_key: string, value: unknown) => (Array.isArray(value) ? sortedElements(value) : value);
  return objects.map((object) => JSON.stringify(withoutHandle(object), sorted)).sort();
}

interface Listing {
  readonly nftables: readonly Readonly<Record<string, object>>[];
}

function withoutHandle(object: Readonly<Record<string, object>>): object {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, { ...value, handle: undefined }]));
}

/** Elements of a set come in any order; the order of expressions in a rule matters. */
function sortedElements(values: readonly unknown[]): readonly unknown[] {
  const isRule = values.some((value) => typeof value === 'object' && value !== null && 'match' in value);
  return isRule ? values : values.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** What `margay render` prints for the node as it is, after the kernel has had it: loaded where no packet passes. */
async function renderedRules(lab: Lab, directory: string): Promise<string[]> {
  const interfaces = join(lab.directory, 'interfaces.json');
  writeFileSync(interfaces, await lab.must('node0', ['ip', '-j', 'address', 'show']));
  const datastore = `file:${directory}`;
  const rendered = await inNode(lab, [
    'render',
    '--node',
    'node0',
    '--datastore',
    datastore,
    '--interfaces',
    interfaces,
  ]);
  await lab.must('fabric', ['nft', '-f', '-'], { input: rendered.stdout });
  return rulesOf(lab, 'fabric');
}
