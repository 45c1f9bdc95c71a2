import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import { applyLoop } from '../../src/agent/apply-loop.js';
import { connectionCleaner } from '../../src/agent/connection-cleaner.js';
import { enforcer } from '../../src/agent/enforcer.js';
import { generations } from '../../src/agent/generations.js';
import { guiltyObject } from '../../src/agent/guilty-object.js';
import { statusReports } from '../../src/agent/status-reports.js';
import { tellOnce } from '../../src/agent/tell-once.js';
import { newCalculator } from '../../src/cli/offline-policy.js';
import { fakeConntrack } from '../../src/conntrack/fake-conntrack.js';
import { type Driver, NftError, type Script } from '../../src/nft/driver.js';
import { fakeDriver } from '../../src/nft/fake-driver.js';
import { kernelTable } from '../../src/nft/kernel-table.js';
import type { Origin, Rule, Table } from '../../src/nft/objects.js';
import { createLog } from '../../src/observe/log.js';
import { keyOf } from '../../src/resources/key-of.js';
import { calculate, fromYaml } from '../policy/from-yaml.js';
import { restored } from './fake-state-keeper.js';

/** A loop on a clock that the test moves; `outcome` says what a run comes to and how long it takes. */
function loopOnClock(outcome: (run: number) => { readonly ok: boolean; readonly ms?: number } | 'throw') {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 0 });
  const begins: number[] = [];
  const errors: unknown[] = [];
  let active = 0;
  let overlapped = false;
  const loop = applyLoop({
    now: () => Date.now(),
    failed: (error) => errors.push(error),
    run: async () => {
      overlapped ||= active > 0;
      active += 1;
      const result = outcome(begins.push(Date.now()) - 1);
      try {
        if (result === 'throw') throw new Error('a mistake');
        if (result.ms !== undefined) await new Promise((resolve) => setTimeout(resolve, result.ms));
        return result.ok;
      } finally {
        active -= 1;
      }
    },
  });
  /** Moves the clock, and lets what becomes due happen; one millisecond at a time, as real timers would. */
  const advance = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 1) {
      mock.timers.tick(1);
      await turn();
    }
  };
  return { loop, begins, errors, advance, overlapped: () => overlapped, end: () => mock.timers.reset() };
}

t.test('the loop runs at once when idle, and once for many pokes', async (t) => {
  const { loop, begins, advance, end } = loopOnClock(() => ({ ok: true }));
  t.teardown(end);
  for (let i = 0; i < 100; i++) loop.poke();
  await advance(1);
  t.strictSame(begins, [1], 'begins with the first tick');
  await advance(1000);
  t.equal(begins.length, 1, 'and not without a poke');
});

t.test('a poke during a run makes another one, never two at a time', async (t) => {
  const { loop, begins, advance, overlapped, end } = loopOnClock(() => ({ ok: true, ms: 30 }));
  t.teardown(end);
  loop.poke();
  await advance(10);
  loop.poke();
  loop.poke();
  await advance(100);
  t.equal(begins.length, 2);
  t.notOk(overlapped());
});

t.test('ten runs without a pause, then one each 50 ms', async (t) => {
  const { loop, begins, advance, end } = loopOnClock(() => ({ ok: true }));
  t.teardown(end);
  for (let ms = 0; ms < 1000; ms += 1) {
    loop.poke();
    await advance(1);
  }
  t.ok(begins.length <= 10 + 1000 / 50, `${begins.length} runs in a second`);
  t.ok(begins.length >= 10 + 1000 / 50 - 2, `${begins.length} runs in a second`);
  t.ok((begins[9] ?? Infinity) <= 12, 'the first ten at once');
});

t.test('failures are tried again after 0.1, 0.2, 0.4 ... 10 s; success ends that', async (t) => {
  const { loop, begins, advance, end } = loopOnClock((run) => ({ ok: run >= 9 }));
  t.teardown(end);
  loop.poke();
  await advance(60_000);
  const gaps = begins.slice(1).map((at, index) => at - (begins[index] ?? 0));
  const expected = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000];
  t.equal(gaps.length, expected.length);
  for (const [index, gap] of gaps.entries()) t.ok(Math.abs(gap - (expected[index] ?? 0)) <= 2, `${gap} ms`);
});

t.test('after a failure a poke is heard, but not before 0.1 s', async (t) => {
  const { loop, begins, advance, end } = loopOnClock((run) => ({ ok: run > 4 }));
  t.teardown(end);
  loop.poke();
  await advance(2000);
  t.equal(begins.length, 5, 'the fifth failure came at 1.5 s, the next run would be at 3.1 s');
  loop.poke();
  await advance(90);
  t.equal(begins.length, 5);
  await advance(15);
  t.equal(begins.length, 6);
  await advance(10_000);
  t.equal(begins.length, 6, 'which was good: no other one');
});

t.test('a rejection is told and counts as a failure', async (t) => {
  const { loop, begins, errors, advance, end } = loopOnClock((run) => (run === 0 ? 'throw' : { ok: true }));
  t.teardown(end);
  loop.poke();
  await advance(500);
  t.equal(begins.length, 2);
  t.match(errors, [{ message: 'a mistake' }]);
});

t.test('stop waits for the run and lets no other one begin', async (t) => {
  const { loop, begins, advance, end } = loopOnClock(() => ({ ok: false, ms: 50 }));
  t.teardown(end);
  loop.poke();
  await advance(10);
  loop.poke();
  let stopped = false;
  const stop = loop.stop().then(() => {
    stopped = true;
  });
  await advance(10);
  t.notOk(stopped);
  await advance(100);
  await stop;
  loop.poke();
  await advance(20_000);
  t.equal(begins.length, 1);
});

t.test('whatever happens: never two at a time, a run after each poke, not more often than it may', async (t) => {
  const step = fc.record({
    wait: fc.integer({ min: 0, max: 120 }),
    ok: fc.boolean(),
    ms: fc.integer({ min: 1, max: 60 }),
  });
  const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
    const clock = loopOnClock((run) => steps[run % steps.length] ?? { ok: true });
    try {
      let last = 0;
      for (const { wait } of steps) {
        await clock.advance(wait);
        last = Date.now();
        clock.loop.poke();
      }
      await clock.advance(400);
      const elapsed = Date.now();
      return !clock.overlapped() && clock.begins.some((at) => at >= last) && clock.begins.length <= 10 + elapsed / 50;
    } finally {
      await stopNow(clock);
    }
  });
  await t.resolves(fc.assert(property, { numRuns: 25 }));
});

async function stopNow({ loop, advance, end }: ReturnType<typeof loopOnClock>): Promise<void> {
  const stop = loop.stop();
  await advance(100);
  await stop;
  end();
}

t.test('generations', async (t) => {
  const counted = generations();
  t.match(counted, { current: 0, inForce: 0 });
  const never = new AbortController();
  let reached = false;
  const waiting = counted.reached(0, never.signal).then(() => {
    reached = true;
  });
  await turn();
  t.notOk(reached, 'nothing has been enforced yet');
  counted.enforced(0);
  await waiting;

  counted.advance();
  counted.advance();
  t.equal(counted.current, 2);
  const [first, second] = [counted.reached(1, never.signal), counted.reached(2, never.signal)];
  counted.enforced(1);
  await first;
  t.equal(counted.inForce, 1);
  counted.enforced(2);
  await second;
  await counted.reached(1, never.signal);

  const impatient = new AbortController();
  const rejected = counted.reached(3, impatient.signal);
  impatient.abort(new Error('enough'));
  await t.rejects(rejected, { message: 'enough' });
  await t.rejects(counted.reached(3, impatient.signal), { message: 'enough' }, 'aborted before the call');
});

t.test('what is wrong is told once, and when it is mended', async (t) => {
  const lines: { level: string; msg: string; code?: string }[] = [];
  const log = await createLog({
    level: 'debug',
    format: 'json',
    terminal: false,
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  const tell = tellOnce(log);
  const nothing = { ...calculate(''), notices: [] };
  const object = {
    kind: 'Tier',
    name: 't',
    file: '/r/t.yaml',
    line: 4,
    path: 'spec.order',
    code: 'V-X',
    message: 'is 100%s wrong',
    inForce: 'absent',
  } as const;
  const told = () => lines.splice(0).map(({ level, msg }) => `${level}: ${msg}`);

  tell([object], [], nothing);
  t.strictSame(told(), ['warn: /r/t.yaml:4: Tier t: spec.order: is 100%s wrong (in force: absent)']);
  tell([object], [], nothing);
  t.strictSame(told(), [], 'not again');
  tell([{ ...object, file: null, line: null, path: '' }], [], nothing);
  t.strictSame(told(), [
    'warn: Tier t: is 100%s wrong (in force: absent)',
    'info: no longer: /r/t.yaml:4: Tier t: spec.order: is 100%s wrong (in force: absent)',
  ]);
  const issue = { path: 'a', code: 'c', message: 'hm' };
  const key = { kind: 'Tier', name: 't' };
  tell([], [{ key, origin: { file: 'f' }, issue }], {
    ...nothing,
    notices: [{ key, issue }],
    parameterIssues: [issue],
  });
  t.strictSame(told(), [
    'warn: f: Tier t: a: hm',
    'warn: Tier t: a: hm',
    'warn: FelixConfiguration: a: hm',
    'info: no longer: Tier t: is 100%s wrong (in force: absent)',
  ]);
});

const accept: Rule['statements'] = [{ kind: 'accept' }];

function tableFor(origins: readonly Origin[]): Table {
  const rules = origins.flatMap((origin) => [
    { statements: accept, comment: 'own', origin },
    { statements: accept, comment: 'nobody' },
  ]);
  return {
    name: 'margay',
    chains: [
      { name: 'a', rules },
      { name: 'b', rules: rules.slice(0, 2) },
    ],
    sets: [],
    maps: [],
  };
}

const policies = (count: number) =>
  Array.from({ length: count }, (_, index): Origin => ({ kind: 'NetworkPolicy', namespace: 'ns', name: `p${index}` }));

function refusing(guilty: (script: Script) => boolean, code: NftError['code'] = 'refused'): Driver {
  const checks = fakeDriver({ refuse: (script) => (guilty(script) ? new NftError(code, 'no') : undefined) });
  return checks;
}

const hasRuleOf = (name: string) => (script: Script) => script.origins.some((origin) => origin?.name === name);

t.test('the guilty object is found among many', async (t) => {
  for (const count of [1, 2, 3, 7, 20]) {
    for (const bad of [0, 1, count - 1]) {
      if (bad >= count) continue;
      const found = await guiltyObject(tableFor(policies(count)), refusing(hasRuleOf(`p${bad}`)));
      t.strictSame(found, { kind: 'NetworkPolicy', namespace: 'ns', name: `p${bad}` }, `${bad} of ${count}`);
    }
  }
});

t.test('two guilty objects: one of them', async (t) => {
  const driver = refusing((script) => hasRuleOf('p3')(script) || hasRuleOf('p11')(script));
  const found = await guiltyObject(tableFor(policies(16)), driver);
  t.ok(['p3', 'p11'].includes(found?.name ?? ''));
});

t.test('nobody is guilty', async (t) => {
  t.equal(
    await guiltyObject(
      tableFor(policies(4)),
      refusing(() => false),
    ),
    undefined,
    'it is taken after all',
  );
  t.equal(
    await guiltyObject(
      tableFor(policies(4)),
      refusing(() => true),
    ),
    undefined,
    'it is refused without any of them',
  );
  t.equal(
    await guiltyObject(
      tableFor([]),
      refusing(() => true),
    ),
    undefined,
  );
  await t.rejects(
    guiltyObject(
      tableFor(policies(4)),
      refusing(() => true, 'timeout'),
    ),
    { code: 'timeout' },
    'not known',
  );
});

t.test('drift that is found in a failed attempt is told with the one that repairs it', async (t) => {
  let refuse = 0;
  const driver = fakeDriver({ refuse: () => (refuse-- > 0 ? new NftError('refused', 'busy') : undefined) });
  const kernel = kernelTable(driver, 'margay');
  const enforcement = enforcer(kernel, driver);
  const table = tableFor(policies(1));
  t.match(await enforcement.enforce(table), { committed: true, drift: undefined });
  driver.tamper((held) => held && { ...held, chains: held.chains.filter(({ name }) => name !== 'a') });
  enforcement.suspect({ kind: 'changed', process: { pid: 7, name: 'nft' } });
  refuse = 1;
  t.match(await enforcement.enforce(table), {
    committed: true,
    drift: { objects: ['chain a'], process: { pid: 7, name: 'nft' } },
  });
  t.match(await enforcement.enforce(table), { committed: true, changes: 0, drift: undefined }, 'once');
});

t.test("a refusal that goes away after another look is nobody's fault", async (t) => {
  let refuse = 1;
  const driver = fakeDriver({
    refuse: () => (refuse-- > 0 ? new NftError('refused', 'File exists', { kind: 'Tier', name: 'x' }) : undefined),
  });
  const enforcement = enforcer(kernelTable(driver, 'margay'), driver);
  t.match(await enforcement.enforce(tableFor(policies(1))), { committed: true });
});

t.test("errors that are not the kernel's are passed on", async (t) => {
  const driver = fakeDriver();
  const broken = async () => {
    throw new TypeError('a mistake');
  };
  Object.assign(driver, { apply: broken });
  await t.rejects(enforcer(kernelTable(driver, 'margay'), driver).enforce(tableFor(policies(1))), TypeError);
});

t.test("a time-out is nobody's fault, what can not be written is", async (t) => {
  const slow = fakeDriver({ refuse: () => new NftError('timeout', 'slow') });
  t.match(await enforcer(kernelTable(slow, 'margay'), slow).enforce(tableFor(policies(1))), {
    committed: false,
    error: { code: 'timeout' },
    guilty: undefined,
  });
  const driver = fakeDriver();
  const origin = { kind: 'GlobalNetworkPolicy', name: 'long' };
  const unprintable: Table = {
    ...tableFor([]),
    chains: [
      {
        name: 'a',
        rules: [
          {
            statements: [
              { kind: 'match', left: { kind: 'meta', key: 'iifname' }, op: '==', right: 'a-name-that-is-too-long' },
              { kind: 'accept' },
            ],
            origin,
          },
        ],
      },
    ],
  };
  t.match(await enforcer(kernelTable(driver, 'margay'), driver).enforce(unprintable), {
    committed: false,
    error: { code: 'invalid' },
    guilty: origin,
  });
});

const POD = (name: string, interfaceName: string, addresses: string, node = 'n1') =>
  fromYaml(
    `{kind: WorkloadEndpoint, metadata: {namespace: ns}, spec: {node: ${node}, orchestrator: k8s, pod: ${name}, endpoint: eth0, interfaceName: ${interfaceName}, ipNetworks: [${addresses}]}}`,
  );

/** What the pods mean for the node. */
const policyFor = (...pods: ReturnType<typeof POD>[]) => calculate(pods.flat()).hostPolicy;

async function cleaner() {
  const lines: { level: string; msg: string; address: string }[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const log = await createLog({ level: 'warn', format: 'json', terminal: false, destination });
  const conntrack = fakeConntrack();
  return { conntrack, lines, connections: connectionCleaner(conntrack, 'n1', log) };
}

t.test('connections of addresses that leave a workload are deleted, and no others', async (t) => {
  const { conntrack, connections } = await cleaner();
  const deletedBy = async (...pods: ReturnType<typeof POD>[]) => {
    const before = conntrack.deleted.length;
    connections.inForce(policyFor(...pods));
    await connections.done();
    return conntrack.deleted.slice(before);
  };
  const a = POD('a', 'cali1', '10.0.0.1, "fd00::1"');
  t.strictSame(await deletedBy(a), [], 'nobody had it before');
  for (const [source, replySource] of [
    ['10.0.0.1', '192.0.2.1'],
    ['192.0.2.1', '10.0.0.1'],
    ['fd00::1', 'fd00::2'],
    ['192.0.2.1', '10.0.0.2'],
  ] as const)
    conntrack.open(source, replySource);
  t.strictSame(await deletedBy(a, POD('b', 'cali2', '10.0.0.2')), []);
  t.strictSame(await deletedBy(POD('a', 'cali1', '10.0.0.1'), POD('b', 'cali2', '10.0.0.2')), ['fd00::1']);
  t.strictSame(await deletedBy(POD('b', 'cali2', '10.0.0.2')), ['10.0.0.1']);
  t.strictSame(conntrack.connections, [{ source: '192.0.2.1', replySource: '10.0.0.2' }]);
  t.strictSame(await deletedBy(POD('c', 'cali2', '10.0.0.2')), ['10.0.0.2'], 'another workload has it');
  t.strictSame(await deletedBy(POD('c', 'cali3', '10.0.0.2')), ['10.0.0.2'], 'in another place');
  t.strictSame(await deletedBy(POD('c', 'cali3', '10.0.0.2'), POD('d', 'cali4', '10.0.0.2')), []);
  t.strictSame(await deletedBy(POD('d', 'cali4', '10.0.0.2')), ['10.0.0.2'], 'of two that had it one is gone');
});

t.test('what has gone while the agent did not run has left connections, too', async (t) => {
  const { conntrack, connections } = await cleaner();
  const resources = [
    ...POD('a', 'cali1', '10.0.0.1'),
    ...POD('b', 'cali2', '10.0.0.2'),
    ...POD('far', 'cali1', '10.0.0.3', 'n2'),
    ...POD('c', 'cali4', '10.0.0.4'),
    ...POD('d', 'cali4', '10.0.0.5'),
    ...POD('e', 'veth5', '10.0.0.7'),
    ...fromYaml(
      '{kind: HostEndpoint, metadata: {name: h}, spec: {node: n1, interfaceName: eth0, expectedIPs: [10.0.0.6]}}',
    ),
  ];
  connections.restore(resources.map((resource) => restored({ key: keyOf(resource), origin: {}, resource })));
  connections.inForce(policyFor(POD('b', 'cali2', '10.0.0.2')));
  await connections.done();
  t.strictSame(conntrack.deleted, ['10.0.0.1'], 'not where it is not known who had them, or whether anybody had');
});

t.test('an address is not given to the next one before it is clean', async (t) => {
  const { conntrack, connections } = await cleaner();
  const a = policyFor(POD('a', 'cali1', '10.0.0.1'));
  connections.inForce(a);
  const release = conntrack.hold();
  connections.inForce(policyFor());
  await connections.ready(policyFor(POD('other', 'cali2', '10.0.0.2')));
  let isReady = false;
  const ready = connections.ready(policyFor(POD('next', 'cali3', '10.0.0.1'))).then(() => {
    isReady = true;
  });
  await turn();
  t.notOk(isReady, 'others need not wait');
  release();
  await ready;
  t.strictSame(conntrack.deleted, ['10.0.0.1']);
  await connections.ready(a);
});

t.test('connections that can not be deleted stop nothing', async (t) => {
  const { conntrack, connections, lines } = await cleaner();
  const leave = async (address: string) => {
    connections.inForce(policyFor(POD('a', 'cali1', address)));
    connections.inForce(policyFor());
    await connections.ready(policyFor(POD('a', 'cali1', address)));
  };
  conntrack.fail('failed');
  await leave('10.0.0.1');
  conntrack.fail('missing');
  await leave('10.0.0.2');
  await leave('10.0.0.3');
  conntrack.fail('timeout');
  await leave('10.0.0.4');
  conntrack.fail(undefined);
  await leave('10.0.0.5');
  t.strictSame(conntrack.deleted, ['10.0.0.5']);
  t.strictSame(
    lines.map(({ level, address }) => `${level} ${address}`),
    ['warn 10.0.0.1', 'warn 10.0.0.2', 'warn 10.0.0.4'],
    'a command that is missing is told once',
  );
});

t.test('reports: what is in force, and settings only when they change', async (t) => {
  const calls: unknown[] = [];
  const report = statusReports({
    configure: (settings) => calls.push(settings),
    endpoints: (endpoints) => calls.push(endpoints),
    stop: async () => undefined,
  });
  const calculator = newCalculator('n1', {});
  const endpoint = (name: string) =>
    ({
      apiVersion: 'projectcalico.org/v3',
      kind: 'HostEndpoint',
      metadata: { name },
      spec: { node: 'n1', interfaceName: 'eth0' },
    }) as const;
  calculator.upsert(endpoint('h0'));
  report(calculator.calculate());
  const settings = { endpoints: false, endpointDelayMs: 1000, intervalMs: 30_000, ttlSeconds: 90, region: '' };
  t.match(calls.splice(0), [settings, [{ kind: 'HostEndpoint', name: 'h0' }]]);
  calculator.remove({ kind: 'HostEndpoint', name: 'h0' });
  report(calculator.calculate());
  t.strictSame(calls.splice(0), [[]]);
  calculator.upsert({
    apiVersion: 'projectcalico.org/v3',
    kind: 'FelixConfiguration',
    metadata: { name: 'default' },
    spec: { endpointReportingEnabled: true, reportingInterval: '0s' },
  });
  report(calculator.calculate());
  t.match(calls.splice(0), [{ endpoints: true, intervalMs: 0 }, []]);
});
