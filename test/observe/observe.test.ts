import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { createServer } from 'node:http';
import t from 'tap';
import { type HealthProvider, healthRoutes, metricsRoutes, serveHttp } from '../../src/observe/http.js';
import { createLog, isJournal, journalDestination } from '../../src/observe/log.js';
import { createMetrics, silentMetrics } from '../../src/observe/metrics.js';
import { type MetricId, metricsTable } from '../../src/observe/metrics-table.js';
import { createNotify } from '../../src/observe/sd-notify.js';
import { feedWatchdog } from '../../src/observe/watchdog.js';

function recorder() {
  const lines: string[] = [];
  return { lines, write: (line: string) => void lines.push(line) };
}

async function testLog() {
  const destination = recorder();
  const log = await createLog({ level: 'info', format: 'json', terminal: false, destination });
  return { log, lines: destination.lines };
}

async function eventually(what: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !what(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  if (!what()) throw new Error('it did not happen within five seconds');
}

t.test('log: JSON lines', async (t) => {
  const destination = recorder();
  const base = { node: 'node0' };
  const log = await createLog({ level: 'warn', format: 'auto', terminal: false, base, destination });
  log.info('not this');
  log.warn({ policy: 'p1', err: new Error('why') }, 'what');
  t.equal(destination.lines.length, 1);
  const line = JSON.parse(destination.lines[0] ?? '');
  t.match(line, { level: 'warn', node: 'node0', policy: 'p1', msg: 'what', err: { message: 'why' } });
  t.match(line.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  t.notOk('pid' in line || 'hostname' in line);
  log.level = 'debug';
  log.debug('now');
  t.equal(destination.lines.length, 2, 'the level can be changed while it runs');
});

t.test('log: for people on a terminal, without the control characters of others', async (t) => {
  const destination = recorder();
  const log = await createLog({ level: 'info', format: 'auto', terminal: true, color: false, destination });
  log.warn({ policy: 'p1' }, 'what');
  t.match(destination.lines[0], /^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: what \{"policy":"p1"\}\n$/);
  log.info('a\u001b]0;title\u0007b\u001b[2Jc');
  t.match(destination.lines[1], /INFO: a\]0;titleb\[2Jc\n$/);
  const forced = recorder();
  (await createLog({ level: 'info', format: 'json', terminal: true, destination: forced })).info('x');
  t.equal(JSON.parse(forced.lines[0] ?? '').msg, 'x', 'the format wins');
});

t.test('log: priorities for the journal', async (t) => {
  const destination = recorder();
  const log = await createLog({
    level: 'trace',
    format: 'json',
    terminal: false,
    destination: journalDestination(destination),
  });
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[level](level);
  t.same(
    destination.lines.map((line) => line.slice(0, 3)),
    ['<7>', '<7>', '<6>', '<4>', '<3>', '<2>'],
  );
  t.equal(JSON.parse(destination.lines[3]?.slice(3) ?? '').msg, 'warn');

  const { dev, ino } = fstatSync(1);
  t.ok(isJournal(`${dev}:${ino}`, 1));
  t.notOk(isJournal(`${dev}:${ino + 1}`, 1), 'standard output was redirected');
  t.notOk(isJournal(undefined, 1));
});

t.test('metrics: each of the table is exposed with its value', async (t) => {
  const { metrics, exposition } = createMetrics();
  const recorded: Record<string, { set?: unknown; inc?: unknown; observe?: unknown }> = metrics;
  for (const id of Object.keys(metricsTable) as MetricId[]) {
    const definition = metricsTable[id];
    const labels = Object.fromEntries(('labels' in definition ? definition.labels : []).map((label) => [label, 'a"b']));
    const { set, inc, observe } = recorded[id] ?? {};
    const change = (set ?? inc ?? observe) as (value: number, labels: object) => void;
    change(7, labels);
  }
  const text = await exposition.text();
  for (const { name, type } of Object.values(metricsTable)) {
    t.match(text, `# TYPE ${name} ${type}\n`);
    t.match(text, new RegExp(`^${name}${type === 'summary' ? '_sum' : ''}(\\{\\w+="a\\\\"b"\\})? 7$`, 'm'));
  }
  const names = Object.values(metricsTable).map(({ name }) => name);
  t.equal(new Set(names).size, names.length);
  t.match(text, /^process_resident_memory_bytes \d{7,}$/m);
  t.match(text, /^process_cpu_seconds_total 0?\.?\d/m);
  t.match(await createMetrics().exposition.text(), /^felix_nft_calls 0$/m, 'a second registry is independent');
});

t.test('metrics: a labelled gauge is replaced as a whole; counters count', async (t) => {
  const { metrics, exposition } = createMetrics();
  metrics.quarantinedObjects.replace({ NetworkPolicy: 1, Tier: 2 });
  metrics.quarantinedObjects.replace({ Tier: 3 });
  metrics.nftCalls.inc();
  metrics.nftCalls.inc(2);
  metrics.calcGraphUpdatesProcessed.inc(1, { type: 'Tier' });
  const text = await exposition.text();
  t.match(text, 'margay_quarantined_objects{kind="Tier"} 3');
  t.notMatch(text, 'kind="NetworkPolicy"');
  t.match(text, /^felix_nft_calls 3$/m);
  t.match(text, 'felix_calc_graph_updates_processed{type="Tier"} 1');

  const silent = silentMetrics();
  t.doesNotThrow(() => {
    silent.nftCalls.inc();
    silent.dataplaneApplyTime.observe(1);
    silent.policies.replace({ enforced: 1 });
  });
});

t.test('health and metrics over HTTP', async (t) => {
  const { log, lines } = await testLog();
  let ok = false;
  const provider: HealthProvider = {
    live: () => ({ ok: true, reasons: [] }),
    ready: () => ({ ok, reasons: ok ? ['1 object is quarantined'] : ['the datastore is not connected'] }),
  };
  const { metrics, exposition } = createMetrics();
  metrics.activeLocalPolicies.set(5);
  const broken = new Map([
    [
      '/broken',
      () => {
        throw new Error('inside');
      },
    ],
  ]);
  const routes = new Map([...healthRoutes(provider), ...metricsRoutes(exposition), ...broken]);
  const server = serveHttp({ address: { host: '127.0.0.1', port: 0 }, routes, log });
  t.teardown(() => server.close());
  await eventually(() => server.port !== undefined);
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
  };
  t.match(await get('/liveness'), { status: 200, body: 'live\n' });
  t.match(await get('/readiness'), { status: 503, body: 'not ready\nthe datastore is not connected\n' });
  ok = true;
  t.match(await get('/readiness?verbose'), { status: 200, body: 'ready\n1 object is quarantined\n' });
  t.match(await get('/metrics'), { status: 200, type: /version=0\.0\.4/, body: /felix_active_local_policies 5/ });
  t.match(await get('/metrics', 'HEAD'), { status: 200, body: '' });
  t.match(await get('/metrics', 'POST'), { status: 405 });
  t.match(await get('/'), { status: 404, body: /\/liveness, \/readiness, \/metrics/ });
  t.match(await get('/broken'), { status: 500, body: /see the log/ });
  t.match(lines.join(''), '"message":"inside"');
});

t.test('an address in use is told once and taken when it is free', async (t) => {
  const { log, lines } = await testLog();
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const address = { host: '127.0.0.1', port };
  const server = serveHttp({ address, routes: new Map(), log, retryMs: 10 });
  t.teardown(() => server.close());
  await eventually(() => lines.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(lines.length, 1);
  t.match(JSON.parse(lines[0] ?? ''), { level: 'warn', port, err: { code: 'EADDRINUSE' } });
  t.equal(server.port, undefined);
  other.close();
  await eventually(() => server.port === port);
  t.match(JSON.parse(lines[1] ?? ''), { level: 'info' });
});

t.test('closing a server that could never listen, and one with an open connection', async (t) => {
  const { log, lines } = await testLog();
  // 192.0.2.0/24 is for documentation: no host has it.
  const never = serveHttp({ address: { host: '192.0.2.1', port: 9099 }, routes: new Map(), log, retryMs: 10 });
  await eventually(() => lines.length > 0);
  await never.close();
  const open = serveHttp({ address: { host: '127.0.0.1', port: 0 }, routes: new Map(), log });
  await eventually(() => open.port !== undefined);
  await fetch(`http://127.0.0.1:${open.port}/`, { headers: { connection: 'keep-alive' } });
  await open.close();
  t.equal(open.port, undefined);
});

t.test('the service manager is told, in order', async (t) => {
  const { log, lines } = await testLog();
  const calls: (readonly string[])[] = [];
  let fail = false;
  const run = async (args: readonly string[], socket: string) => {
    await new Promise((resolve) => setTimeout(resolve, calls.length === 0 ? 20 : 0));
    calls.push([socket, ...args]);
    if (fail) throw new Error('no systemd-notify');
  };
  const notify = createNotify({ notifySocket: '/run/notify', log, run });
  await Promise.all([notify('READY=1', 'STATUS=good\nMAINPID=1'), notify('STOPPING=1')]);
  t.same(calls, [
    ['/run/notify', 'READY=1', 'STATUS=good MAINPID=1'],
    ['/run/notify', 'STOPPING=1'],
  ]);
  calls.length = 0;
  await Promise.all(['READY=1', 'STATUS=a', 'STATUS=b', 'RELOADING=1', 'STATUS=c'].map((each) => notify(each)));
  const sent = ['READY=1', 'STATUS=b', 'RELOADING=1', 'STATUS=c'].map((each) => ['/run/notify', each]);
  t.same(calls, sent, 'a status that is old already is left out');
  fail = true;
  await notify('STATUS=a');
  await notify('STATUS=b');
  t.equal(lines.length, 1, 'a failure is told once');
  calls.length = 0;
  await createNotify({ notifySocket: undefined, log, run })('READY=1');
  t.same(calls, []);
});

t.test('the watchdog is fed while the loop that applies is alive', async (t) => {
  const sent: string[][] = [];
  const repeated: { readonly call: () => void; readonly ms: number }[] = [];
  let live = true;
  let starting = true;
  let stopped = false;
  const options = {
    watchdogUsec: '60000000',
    watchdogPid: '7',
    pid: 7,
    live: () => live,
    starting: () => starting,
    notify: async (...assignments: readonly string[]) => void sent.push([...assignments]),
    repeat: (call: () => void, ms: number) => {
      repeated.push({ call, ms });
      return () => {
        stopped = true;
      };
    },
  };
  const stop = feedWatchdog(options);
  t.equal(repeated[0]?.ms, 20_000, 'three times in the interval');
  starting = false;
  repeated[0]?.call();
  live = false;
  repeated[0]?.call();
  t.same(sent, [['WATCHDOG=1', 'EXTEND_TIMEOUT_USEC=60000000'], ['WATCHDOG=1']], 'and not when it hangs');
  stop();
  t.ok(stopped);

  for (const other of [{ watchdogUsec: undefined }, { watchdogUsec: '0' }, { watchdogPid: '8' }])
    feedWatchdog({ ...options, ...other })();
  t.equal(repeated.length, 1, 'nobody watches this process');
  live = true;
  feedWatchdog({ ...options, watchdogPid: undefined })();
  t.equal(repeated.length, 2);
});
