import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { fakeConntrack } from '../../src/conntrack/fake-conntrack.js';
import { type Driver, NftError, type Script } from '../../src/nft/driver.js';
import { fakeDriver } from '../../src/nft/fake-driver.js';
import type { Table } from '../../src/nft/objects.js';
import { printTable } from '../../src/nft/print.js';
import type { Status } from '../../src/observe/status.js';
import type { Resource } from '../../src/resources/kinds.js';
import type { Issue, ObjectKey } from '../../src/resources/resource.js';
import { conntrackTable, renderTable } from '../../src/ruleset/render.js';
import { calculate, fromYaml } from '../policy/from-yaml.js';
import {
  type AgentUnderTest,
  type AgentUnderTestOptions,
  agentUnderTest,
  SOME_INTERFACES,
} from './agent-under-test.js';
import { fakeStateKeeper } from './fake-state-keeper.js';

// Nothing of the fakes keeps the process alive while a promise is pending.
const alive = setInterval(() => undefined, 1000);
t.teardown(() => clearInterval(alive));

const CLUSTER = `
kind: HostEndpoint
metadata: {name: h, labels: {role: a}}
spec: {node: n1, interfaceName: eth0}
---
kind: GlobalNetworkPolicy
metadata: {name: good}
spec: {selector: role == 'a', ingress: [{action: Allow, protocol: TCP}]}
---
kind: GlobalNetworkPolicy
metadata: {name: other}
spec: {selector: role == 'a', ingress: [{action: Allow, protocol: UDP}]}
`;

function keyOf({ kind, metadata: { namespace, name } }: Resource): ObjectKey {
  return namespace === undefined ? { kind, name } : { kind, namespace, name };
}

function update({ source }: AgentUnderTest, yaml: string): void {
  source.update(
    ...fromYaml(yaml).map((resource) => ({
      key: keyOf(resource),
      parsed: { valid: true, resource, warnings: [] } as const,
    })),
  );
}

const POLICY: ObjectKey = { kind: 'GlobalNetworkPolicy', name: 'good' };
const WRONG: Issue = { path: 'spec.selector', code: 'V-SELECTOR', message: 'is no selector', line: 7 };

function makeInvalid({ source }: AgentUnderTest, key: ObjectKey = POLICY): void {
  source.update({
    key,
    parsed: { valid: false, issues: [WRONG], warnings: [] },
    origin: { file: '/r/p.yaml', line: 3 },
  });
}

interface Teardown {
  teardown(work: () => unknown): void;
}

/** Started, with a cluster that is in force. */
async function running(t: Teardown, options: AgentUnderTestOptions = {}, yaml = CLUSTER): Promise<AgentUnderTest> {
  const under = await agentUnderTest(options);
  t.teardown(() => under.agent.stop());
  await under.agent.start();
  update(under, yaml);
  under.source.inSync();
  await under.settled();
  return under;
}

/** A few turns of the event loop: whatever was going to happen at once has happened. */
async function soon(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
  await delay(20);
}

function textOf(table: Table | undefined): string {
  return table ? printTable(table).text : 'no table';
}

function expectedText(yaml: string): string {
  const on = new Map(SOME_INTERFACES.map((one) => [one.name, one]));
  return textOf(renderTable(calculate(yaml, { on }).hostPolicy));
}

const policyRules = (table: Table | undefined, name: string): number =>
  table?.chains.flatMap(({ rules }) => rules).filter(({ origin }) => origin?.name === name).length ?? 0;

t.test(
  'nothing but connection tracking is written before the datastore is in sync and the interfaces are listed',
  async (t) => {
    const under = await agentUnderTest();
    t.teardown(() => under.agent.stop());
    await under.agent.start();
    update(under, CLUSTER);
    await soon();
    t.equal(under.driver.scripts.length, 1);
    t.equal(textOf(under.driver.table()), textOf(conntrackTable()));
    t.match(under.agent.status(), {
      ready: false,
      inSync: false,
      interfaces: { listed: true },
      lastApply: null,
      endpoints: [],
    });
    t.match(under.agent.health.ready(), { ok: false, reasons: [/not been read completely/] });
    t.equal(under.agent.health.live().ok, true);
    under.source.inSync();
    await under.settled();
    t.equal(textOf(under.driver.table()), expectedText(CLUSTER));
    t.match(under.agent.status(), { ready: true, degraded: false, inSync: true, lastApply: { error: null } });
    t.strictSame(under.agent.health.ready(), { ok: true, reasons: [] });
  },
);

t.test('in sync is not enough without interfaces', async (t) => {
  const under = await agentUnderTest();
  t.teardown(() => under.agent.stop());
  let list = () => undefined as unknown;
  const { interfaces } = under;
  const { start } = interfaces;
  Object.assign(interfaces, {
    start: (listener: Parameters<typeof start>[0]) => {
      list = () => start(listener);
    },
  });
  await under.agent.start();
  update(under, CLUSTER);
  under.source.inSync();
  await soon();
  t.equal(under.driver.scripts.length, 1);
  t.match(under.agent.health.ready().reasons, [/interfaces have not been listed/]);
  list();
  await under.settled();
  t.equal(textOf(under.driver.table()), expectedText(CLUSTER));
});

t.test('a table that is there stays as it is until then, readable or not', async (t) => {
  const table = renderTable(calculate('').hostPolicy);
  for (const unreadable of [false, true]) {
    const driver = fakeDriver({ table });
    if (unreadable) {
      const odd = async () => {
        throw new NftError('unreadable', 'somebody put something odd into it');
      };
      Object.assign(driver, { read: odd });
    }
    const under = await agentUnderTest({ driver });
    t.teardown(() => under.agent.stop());
    await under.agent.start();
    await soon();
    t.strictSame(under.driver.scripts, [], 'no script');
    t.equal(textOf(driver.table()), textOf(table));
    update(under, CLUSTER);
    under.source.inSync();
    await under.settled();
    t.equal(textOf(driver.table()), expectedText(CLUSTER));
  }
});

t.test('a kernel that can not be read ends the start', async (t) => {
  const driver = fakeDriver();
  const missing = async () => {
    throw new NftError('missing', 'nft is not installed');
  };
  Object.assign(driver, { has: missing });
  const under = await agentUnderTest({ driver });
  await t.rejects(under.agent.start(), /not installed/);
  await under.agent.stop();
});

t.test('many updates make few transactions', async (t) => {
  const under = await running(t);
  const before = under.driver.scripts.length;
  for (let i = 0; i < 200; i++) {
    update(
      under,
      `{kind: GlobalNetworkPolicy, metadata: {name: p${i}}, spec: {selector: all(), ingress: [{action: Allow}]}}`,
    );
  }
  await under.settled();
  t.equal(policyRules(under.driver.table(), 'p199'), 1);
  t.ok(under.driver.scripts.length - before <= 2, `${under.driver.scripts.length - before} transactions`);
});

t.test('a change that means nothing here writes nothing', async (t) => {
  const under = await running(t);
  const before = under.driver.scripts.length;
  update(
    under,
    '{kind: GlobalNetworkPolicy, metadata: {name: far}, spec: {selector: role == "z", ingress: [{action: Allow}]}}',
  );
  await under.settled();
  t.equal(under.driver.scripts.length, before);
  t.match(
    under.agent.status().policies.find(({ name }) => name === 'far'),
    { state: 'inert' },
  );
});

t.test('interfaces', async (t) => {
  const under = await running(
    t,
    {},
    '{kind: HostEndpoint, metadata: {name: h}, spec: {node: n1, expectedIPs: [192.0.2.50]}}',
  );
  t.match(under.agent.status().endpoints, [{ state: 'error', interfaces: [] }]);
  under.interfaces.set([{ name: 'eth7', index: 9, up: true, addresses: ['192.0.2.50'] }]);
  await under.settled();
  t.match(under.agent.status().endpoints, [{ state: 'up', interfaces: ['eth7'] }]);
  under.interfaces.problem('netlink is gone');
  t.equal(under.agent.status().interfaces.reason, 'netlink is gone');
  t.equal(under.agent.status().ready, true, 'the last list stands');
  under.interfaces.problem(undefined);
  t.equal(under.agent.status().interfaces.reason, null);
});

t.test('a restart finds everything as it should be', async (t) => {
  const driver = fakeDriver();
  const state = fakeStateKeeper();
  const first = await running(t, { driver, state });
  await first.agent.stop();
  const before = driver.scripts.length;
  const second = await running(t, { driver, state });
  t.equal(driver.scripts.length, before);
  t.match(second.agent.status(), { ready: true, lastApply: { changes: 0, error: null } });
});

t.test('the connections of a workload go with it, also over a restart', async (t) => {
  const pod = (name: string, interfaceName: string) => `
kind: WorkloadEndpoint
metadata: {namespace: ns}
spec: {node: n1, orchestrator: k8s, pod: ${name}, endpoint: eth0, interfaceName: ${interfaceName}, ipNetworks: [10.65.0.${interfaceName.slice(-1)}]}
`;
  const key = (name: string) => ({ kind: 'WorkloadEndpoint', namespace: 'ns', name: `n1-k8s-${name}-eth0` });
  const cluster = `${CLUSTER}---${pod('a', 'cali1')}---${pod('b', 'cali2')}---${pod('c', 'cali3')}`;
  const [driver, state, conntrack] = [fakeDriver(), fakeStateKeeper(), fakeConntrack()];
  const first = await running(t, { driver, state, conntrack }, cluster);
  for (const address of ['10.65.0.1', '10.65.0.2', '10.65.0.3']) conntrack.open('192.0.2.9', address);
  update(first, '{kind: GlobalNetworkPolicy, metadata: {name: good}, spec: {selector: all(), types: [Ingress]}}');
  await first.settled();
  t.strictSame(conntrack.deleted, [], 'policy cuts no connection');
  first.source.delete(key('a'));
  await first.settled();
  await first.agent.stop();
  t.strictSame(conntrack.deleted, ['10.65.0.1']);

  await running(t, { driver, state, conntrack }, `${CLUSTER}---${pod('c', 'cali3')}`).then(({ agent }) => agent.stop());
  t.strictSame(conntrack.deleted, ['10.65.0.1', '10.65.0.2']);
  t.strictSame(conntrack.connections, [{ source: '192.0.2.9', replySource: '10.65.0.3' }]);
});

t.test('a kind that the datastore does not give is told by its name', async (t) => {
  const under = await running(t);
  const issue = { path: '', code: 'unreadable', message: '403 Forbidden' };
  under.source.problems({ file: 'pods', kind: 'WorkloadEndpoint', unreadable: true, problems: [{ issue }] });
  await under.settled();
  t.strictSame(under.agent.status().quarantined, [
    { kind: 'WorkloadEndpoint', name: '*', file: 'pods', line: null, ...issue, inForce: 'last valid' },
  ]);
});

t.test('an invalid object keeps its last valid version in force, also over a restart', async (t) => {
  const driver = fakeDriver();
  const state = fakeStateKeeper();
  const under = await running(t, { driver, state });
  const before = textOf(driver.table());
  makeInvalid(under);
  makeInvalid(under, { kind: 'GlobalNetworkPolicy', name: 'never-valid' });
  await under.settled();
  const isQuarantined = (status: Status) => {
    t.match(status, { ready: true, degraded: true });
    t.strictSame(status.quarantined, [
      {
        kind: 'GlobalNetworkPolicy',
        name: 'good',
        file: '/r/p.yaml',
        line: 7,
        path: 'spec.selector',
        code: 'V-SELECTOR',
        message: 'is no selector',
        inForce: 'last valid',
      },
      {
        kind: 'GlobalNetworkPolicy',
        name: 'never-valid',
        file: '/r/p.yaml',
        line: 7,
        path: 'spec.selector',
        code: 'V-SELECTOR',
        message: 'is no selector',
        inForce: 'absent',
      },
    ]);
  };
  isQuarantined(under.agent.status());
  t.equal(textOf(driver.table()), before);
  await under.agent.stop();

  const again = await agentUnderTest({ driver, state });
  t.teardown(() => again.agent.stop());
  await again.agent.start();
  update(
    again,
    CLUSTER.split('---')
      .filter((text) => !text.includes('good'))
      .join('---'),
  );
  makeInvalid(again);
  makeInvalid(again, { kind: 'GlobalNetworkPolicy', name: 'never-valid' });
  again.source.inSync();
  await again.settled();
  isQuarantined(again.agent.status());
  t.equal(textOf(driver.table()), before);

  again.source.delete(POLICY);
  await again.settled();
  t.equal(policyRules(driver.table(), 'good'), 0, 'until it is deleted');
  t.equal(again.agent.status().quarantined.length, 1);
});

t.test('what somebody else changes in our table is restored and told', async (t) => {
  const under = await running(t);
  const { driver } = under;
  const before = textOf(driver.table());
  driver.tamper(
    (table) =>
      table && {
        ...table,
        chains: table.chains.map((chain) => (chain.name === 'input-host' ? { ...chain, rules: [] } : chain)),
      },
  );
  const status = await under.reported(({ drift }) => drift.repairs > 0);
  t.equal(textOf(driver.table()), before);
  t.match(status.drift, { repairs: 1, last: /^20\d\d-/ });
  t.match(
    under.lines.find(({ msg }) => msg.includes('was changed')),
    { level: 'warn', msg: /changed by tamper \(pid 1\), and has been restored/, objects: ['chain input-host'] },
  );

  driver.tamper(() => undefined);
  await under.reported(({ drift }) => drift.repairs > 1);
  t.equal(textOf(driver.table()), before, 'the whole table');

  driver.lose();
  await soon();
  t.equal(under.agent.status().drift.repairs, 2, 'lost events alone are no drift');
});

t.test('what no event tells is found by the periodic check, however busy the datastore is', async (t) => {
  const driver = Object.assign(fakeDriver(), { watch: () => ({ stop: async () => undefined }) });
  const under = await running(t, { driver, environment: { FELIX_NFTABLESREFRESHINTERVAL: '0.1' } });
  const before = textOf(driver.table());
  driver.tamper(
    (table) =>
      table && { ...table, chains: table.chains.map((chain) => (chain.base ? { ...chain, rules: [] } : chain)) },
  );
  for (let i = 0; i < 20; i++) {
    update(under, `{kind: Tier, metadata: {name: t${i}}, spec: {order: ${i}}}`);
    await delay(30);
  }
  t.ok(under.agent.status().drift.repairs > 0);
  t.equal(textOf(driver.table()), before);
});

t.test('datastore lost: everything stays, and what is told later counts', async (t) => {
  const under = await running(t);
  const before = textOf(under.driver.table());
  under.source.lose('connection refused');
  update(
    under,
    '{kind: GlobalNetworkPolicy, metadata: {name: late}, spec: {selector: all(), ingress: [{action: Deny}]}}',
  );
  await soon();
  t.equal(textOf(under.driver.table()), before);
  t.match(under.agent.status(), {
    ready: false,
    inSync: true,
    datastore: { connected: false, reason: 'connection refused' },
  });
  t.match(under.agent.health.ready().reasons, [/datastore is not connected: connection refused/]);
  await t.rejects(under.agent.waitInForce(AbortSignal.timeout(300)), /connection refused/);
  under.interfaces.set([...SOME_INTERFACES, { name: 'eth9', index: 9, up: true, addresses: [] }]);
  await soon();
  t.equal(under.agent.status().lastApply?.error, null, 'interfaces are still followed');
  under.source.restore();
  await under.settled();
  t.equal(policyRules(under.driver.table(), 'late'), 1);
  t.equal(under.agent.status().ready, true);
});

t.test('datastore not to be used: everything stays, and that is told as it is', async (t) => {
  const under = await running(t);
  const before = textOf(under.driver.table());
  const { since } = under.agent.status().datastore;
  under.source.suspend('it is being migrated');
  update(
    under,
    '{kind: GlobalNetworkPolicy, metadata: {name: late}, spec: {selector: all(), ingress: [{action: Deny}]}}',
  );
  await soon();
  t.equal(textOf(under.driver.table()), before);
  const datastore = { connected: true, reason: 'it is being migrated', since };
  t.match(under.agent.status(), { ready: false, inSync: true, datastore });
  t.match(under.agent.health.ready().reasons, ['the datastore is not ready: it is being migrated']);
  await t.rejects(under.agent.waitInForce(AbortSignal.timeout(300)), /migrated/);
  t.ok(under.lines.some(({ level, msg }) => level === 'warn' && msg.startsWith('datastore is not ready;')));
  under.source.restore();
  await under.settled();
  t.equal(policyRules(under.driver.table(), 'late'), 1);
  t.match(under.agent.status(), { ready: true, datastore: { reason: null, since } });
});

/** Refuses what has rules for an object; with `named`, nft says which line it is. */
function refusing(names: ReadonlySet<string>, named: boolean): (script: Script) => NftError | undefined {
  return (script) => {
    const index = script.origins.findIndex((origin) => origin && names.has(origin.name));
    if (index < 0) return undefined;
    const line = script.text.split('\n')[index];
    return named
      ? new NftError('refused', 'nft refused the transaction: Operation not supported', script.origins[index], line)
      : new NftError('refused', 'nft refused the transaction: Operation not supported');
  };
}

for (const named of [true, false]) {
  t.test(
    `an object that the kernel refuses is quarantined, the rest is enforced (${named ? 'nft names the line' : 'found by trying'})`,
    async (t) => {
      const bad = new Set(['bad', 'worse']);
      const driver = fakeDriver({ refuse: refusing(bad, named) });
      const under = await running(t, { driver });
      update(
        under,
        `
kind: GlobalNetworkPolicy
metadata: {name: bad}
spec: {selector: role == 'a', ingress: [{action: Deny, protocol: SCTP}]}
---
kind: GlobalNetworkPolicy
metadata: {name: worse}
spec: {selector: role == 'a', ingress: [{action: Deny, protocol: ICMP}]}
---
kind: GlobalNetworkPolicy
metadata: {name: new}
spec: {selector: role == 'a', ingress: [{action: Allow, protocol: 253}]}
`,
      );
      await under.settled();
      const rules = (name: string) => policyRules(driver.table(), name);
      t.strictSame([rules('bad'), rules('worse'), rules('new'), rules('good')], [0, 0, 1, 1]);
      const status = under.agent.status();
      t.match(status, { ready: true, degraded: true, lastApply: { error: null } });
      t.strictSame(
        status.quarantined.map(({ name, code, inForce }) => [name, code, inForce]),
        [
          ['bad', 'refused-by-kernel', 'absent'],
          ['worse', 'refused-by-kernel', 'absent'],
        ],
      );
      t.match(status.quarantined[0]?.message, /Operation not supported/);

      const before = driver.scripts.length;
      update(
        under,
        `{kind: GlobalNetworkPolicy, metadata: {name: bad}, spec: {selector: role == 'a', ingress: [{action: Deny, protocol: SCTP}]}}`,
      );
      await under.settled();
      t.equal(driver.scripts.length, before, 'the same version is not tried again');

      bad.clear();
      update(
        under,
        `{kind: GlobalNetworkPolicy, metadata: {name: bad}, spec: {selector: role == 'a', ingress: [{action: Deny, protocol: 254}]}}`,
      );
      await under.settled();
      t.equal(rules('bad'), 1, 'another version is');
      t.strictSame(
        under.agent.status().quarantined.map(({ name }) => name),
        ['worse'],
      );
    },
  );
}

/** The driver, but scripts that are somebody's fault are refused. */
function withRefusal<D extends Driver>(driver: D, guilty: (script: Script) => ObjectKey | undefined): D {
  const { apply } = driver;
  return Object.assign(driver, {
    async apply(script: Script) {
      const origin = guilty(script);
      if (origin) throw new NftError('refused', 'nft refused the transaction: no', origin);
      return apply(script);
    },
  });
}

t.test('the last committed version comes back when the kernel refuses a new one', async (t) => {
  const driver = withRefusal(fakeDriver(), (script) => (script.text.includes('sctp') ? POLICY : undefined));
  const under = await running(t, { driver });
  const before = textOf(driver.table());
  update(
    under,
    `{kind: GlobalNetworkPolicy, metadata: {name: good}, spec: {selector: role == 'a', ingress: [{action: Allow, protocol: SCTP}]}}`,
  );
  await under.settled();
  t.equal(textOf(driver.table()), before);
  t.match(under.agent.status().quarantined, [{ name: 'good', code: 'refused-by-kernel', inForce: 'last valid' }]);
});

t.test("when it is nobody's fault it is tried again and again, later and later", async (t) => {
  let attempts = 0;
  let failing = true;
  const driver = fakeDriver({
    refuse: (script) => {
      if (!failing || !script.text.includes('input-host')) return undefined;
      attempts += 1;
      return new NftError('timeout', 'nft did not answer within 30 s');
    },
  });
  const under = await agentUnderTest({ driver });
  t.teardown(() => under.agent.stop());
  await under.agent.start();
  update(under, CLUSTER);
  under.source.inSync();
  await under.reported(({ lastApply }) => lastApply?.error !== null && lastApply?.error !== undefined);
  t.match(under.agent.status(), { ready: false, lastApply: { error: /did not answer/, changes: 0 }, quarantined: [] });
  t.match(under.agent.health.ready().reasons, [/last transaction was refused: nft did not answer/]);
  await delay(350);
  t.ok(attempts >= 2 && attempts <= 4, `${attempts} attempts in 0.35 s`);
  failing = false;
  await under.settled();
  t.equal(textOf(driver.table()), expectedText(CLUSTER));
  t.equal(under.agent.status().ready, true);
});

t.test('a calculation that throws makes the agent unready, and is tried again', async (t) => {
  const under = await running(t);
  // What no reader would let through.
  const [broken] = fromYaml(
    `{kind: GlobalNetworkPolicy, metadata: {name: broken}, spec: {selector: role == 'a', ingress: [{action: Allow, protocol: TCP}]}}`,
  );
  if (broken?.kind !== 'GlobalNetworkPolicy') throw new Error('no policy');
  const [rule] = broken.spec.ingress ?? [];
  Object.defineProperty(rule, 'action', { get: () => 'Explode' });
  under.source.update({ key: keyOf(broken), parsed: { valid: true, resource: broken, warnings: [] } });
  await soon();
  t.equal(under.agent.status().ready, false);
  t.match(
    under.lines.find(({ level, msg }) => level === 'error' && msg.includes('could not be worked out')),
    { level: 'error' },
  );
  under.source.delete(keyOf(broken));
  await under.settled();
  t.equal(under.agent.status().ready, true);
});

t.test('waitInForce waits for what was there at the call', async (t) => {
  const under = await agentUnderTest();
  t.teardown(() => under.agent.stop());
  await under.agent.start();
  await t.rejects(under.agent.waitInForce(AbortSignal.timeout(50)), { name: 'TimeoutError' }, 'not in sync');
  under.source.inSync();
  update(under, CLUSTER);
  await under.agent.waitInForce(AbortSignal.timeout(5000));
  t.equal(policyRules(under.driver.table(), 'good'), 1);
  const { input, enforced } = under.agent.status();
  t.equal(enforced, input);
});

t.test('waitInForce waits for what fails now and is tried again', async (t) => {
  let refuse = false;
  const driver = fakeDriver({ refuse: () => (refuse ? new NftError('failed', 'no memory') : undefined) });
  const under = await running(t, { driver });
  under.source.lose('connection refused');
  const lost = under.agent.waitInForce(AbortSignal.timeout(20_000));
  await soon();
  under.source.restore();
  await lost;
  t.equal(under.agent.status().ready, true, 'the datastore is back');

  const failing = under.reported(({ ready }) => !ready);
  refuse = true;
  driver.tamper(() => undefined);
  const { input, enforced } = await failing;
  t.equal(enforced, input, 'what is in the datastore has been in force');
  await t.rejects(under.agent.waitInForce(AbortSignal.timeout(50)), { name: 'TimeoutError' });
  const retried = under.agent.waitInForce(AbortSignal.timeout(20_000));
  refuse = false;
  await retried;
  t.equal(under.agent.status().ready, true, 'the kernel takes it again');
});

t.test('stop: no rule goes away, and nothing is written any more', async (t) => {
  const under = await running(t);
  const before = textOf(under.driver.table());
  await under.agent.stop();
  const scripts = under.driver.scripts.length;
  under.driver.tamper((table) => table);
  update(under, '{kind: GlobalNetworkPolicy, metadata: {name: late}, spec: {selector: all()}}');
  await soon();
  t.equal(under.driver.scripts.length, scripts);
  t.equal(textOf(under.driver.table()), before);
});

t.test('status has the fields that others rely on', async (t) => {
  const under = await running(
    t,
    {},
    `${CLUSTER}
---
kind: WorkloadEndpoint
metadata: {namespace: ns1}
spec: {node: n1, orchestrator: k8s, pod: w, endpoint: eth0, interfaceName: cali1, ipNetworks: [10.0.0.1], profiles: [p]}
---
kind: StagedGlobalNetworkPolicy
metadata: {name: later}
spec: {selector: all()}
`,
  );
  makeInvalid(under);
  await under.settled();
  const status = JSON.parse(JSON.stringify(under.agent.status()));
  const fields = (value: object) => Object.keys(value).sort();
  t.strictSame(fields(status), [
    'datastore',
    'degraded',
    'drift',
    'endpoints',
    'enforced',
    'inSync',
    'input',
    'interfaces',
    'lastApply',
    'node',
    'policies',
    'quarantined',
    'ready',
    'ruleset',
    'state',
    'version',
  ]);
  t.strictSame(fields(status.datastore), ['connected', 'lastChange', 'reason', 'since', 'url']);
  t.strictSame(fields(status.ruleset), ['chains', 'driver', 'elements', 'hash', 'rules', 'sets']);
  t.strictSame(fields(status.lastApply), ['at', 'changes', 'error', 'ms']);
  t.strictSame(fields(status.drift), ['last', 'repairs']);
  t.match(status, {
    node: 'n1',
    version: '1.2.3',
    datastore: { url: 'fake:', since: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/, lastChange: /^\d{4}-\d\d-\d\dT/ },
    ruleset: { hash: /^[0-9a-f]{64}$/, driver: 'fake' },
  });
  t.ok(
    status.ruleset.chains > 5 && status.ruleset.rules > 10 && status.ruleset.sets > 0 && status.ruleset.elements > 0,
  );
  t.strictSame(status.endpoints, [
    {
      kind: 'HostEndpoint',
      name: 'h',
      interfaces: ['eth0'],
      state: 'up',
      policies: ['default.good', 'default.other'],
      profiles: [],
    },
    {
      kind: 'WorkloadEndpoint',
      namespace: 'ns1',
      name: 'n1-k8s-w-eth0',
      interfaces: ['cali1'],
      state: 'down',
      policies: [],
      profiles: ['p'],
    },
  ]);
  t.strictSame(
    status.policies.find(({ name }: { name: string }) => name === 'good'),
    {
      kind: 'GlobalNetworkPolicy',
      name: 'good',
      tier: 'default',
      state: 'enforced',
      reason: null,
    },
  );
  t.match(
    status.policies.find(({ name }: { name: string }) => name === 'later'),
    { state: 'staged', reason: /not enforced/ },
  );
  t.strictSame(fields(status.quarantined[0]), ['code', 'file', 'inForce', 'kind', 'line', 'message', 'name', 'path']);
});

t.test('the state on disk follows what is in force', async (t) => {
  const state = fakeStateKeeper();
  const under = await running(t, { state });
  t.equal(textOf(state.saved), textOf(under.driver.table()));
  t.strictSame([...state.journal.keys()].sort(), [
    'GlobalNetworkPolicy//good',
    'GlobalNetworkPolicy//other',
    'HostEndpoint//h',
  ]);
  under.source.delete(POLICY);
  await under.settled();
  t.notOk(state.journal.has('GlobalNetworkPolicy//good'));
});

t.test('what is wrong is told when it appears and when it has gone', async (t) => {
  const under = await running(t);
  const told = (part: string) =>
    under.lines.filter(({ msg }) => msg.includes(part)).map(({ level, msg }) => `${level}: ${msg}`);
  makeInvalid(under);
  await under.settled();
  under.interfaces.set([...SOME_INTERFACES, { name: 'eth9', index: 9, up: true, addresses: [] }]);
  await under.settled();
  const text = '/r/p.yaml:7: GlobalNetworkPolicy good: spec.selector: is no selector (in force: last valid)';
  t.strictSame(told('is no selector'), [`warn: ${text}`], 'once');
  update(under, CLUSTER);
  await under.settled();
  t.strictSame(told('is no selector'), [`warn: ${text}`, `info: no longer: ${text}`]);
});
