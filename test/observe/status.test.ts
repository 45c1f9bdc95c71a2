import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { degradedReasons, notReadyReasons } from '../../src/observe/status.js';
import { NoDaemonError, NotInForceError, queryStatus, runningPid } from '../../src/observe/status-client.js';
import { DaemonRunningError, type StatusProvider, serveStatus } from '../../src/observe/status-server.js';
import { sampleStatus } from './sample-status.js';

const ready: StatusProvider = { status: () => sampleStatus(), waitInForce: async () => undefined };

async function exchange(path: string, text: string): Promise<string> {
  const socket = createConnection(path, () => socket.write(text));
  let answer = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    answer += chunk;
  });
  await once(socket, 'close');
  return answer;
}

/** A socket as a killed daemon leaves it: it exists, and nobody listens. */
async function leaveStaleSocket(path: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawn(process.execPath, ['-e', script], { env: {} }), 'exit');
}

t.test('status goes through the socket unchanged', async (t) => {
  const dir = join(t.testdir(), 'made', 'too');
  const status = sampleStatus({
    quarantined: [
      {
        kind: 'NetworkPolicy',
        namespace: 'prod',
        name: 'näme',
        file: '/x.yaml',
        line: 3,
        path: 'spec.selector',
        code: 'selector',
        message: 'line one\nline two',
        inForce: 'last valid',
      },
    ],
  });
  const server = await serveStatus(dir, { ...ready, status: () => status });
  t.same(await queryStatus(dir), status);
  t.equal(await runningPid(dir), process.pid);
  t.equal(readFileSync(join(dir, 'margay.pid'), 'utf8'), `${process.pid}\n`);
  t.equal(statSync(join(dir, 'margay.sock')).mode & 0o777, 0o660);
  await server.close();
  await t.rejects(access(join(dir, 'margay.sock')), { code: 'ENOENT' }, 'the socket is removed');
  await t.rejects(access(join(dir, 'margay.pid')), { code: 'ENOENT' }, 'the pid file is removed');
  await t.rejects(queryStatus(dir), NoDaemonError);
  t.equal(await runningPid(dir), undefined);
});

t.test('no daemon: a directory that does not exist, a stale socket', async (t) => {
  const dir = t.testdir();
  await t.rejects(queryStatus(join(dir, 'nowhere')), { name: 'NoDaemonError', message: /nowhere/ });
  await leaveStaleSocket(join(dir, 'margay.sock'));
  await t.rejects(queryStatus(dir), NoDaemonError);
  t.equal(await runningPid(dir), undefined);
});

t.test('one daemon for each run directory', async (t) => {
  const dir = t.testdir();
  const first = await serveStatus(dir, ready);
  await t.rejects(serveStatus(dir, ready), { name: 'DaemonRunningError', pid: process.pid });
  t.equal(await runningPid(dir), process.pid, 'the first one is not disturbed');
  await first.close();
  const next = await serveStatus(dir, ready);
  await next.close();
});

t.test('the socket of a killed daemon is taken over, by one of many', async (t) => {
  const dir = t.testdir();
  await leaveStaleSocket(join(dir, 'margay.sock'));
  const starts = await Promise.allSettled(Array.from({ length: 8 }, () => serveStatus(dir, ready)));
  const servers = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  t.equal(servers.length, 1);
  for (const start of starts) if (start.status === 'rejected') t.type(start.reason, DaemonRunningError);
  t.equal((await queryStatus(dir)).node, 'node0');
  await servers[0]?.close();
});

t.test('a daemon that does not answer is a daemon', async (t) => {
  // A short path: Node cuts those of sockets after 107 bytes, and the checkout may lie deep.
  const dir = mkdtempSync(join(tmpdir(), 'margay-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'margay.pid'), '4711\n');
  const silent = createServer().listen(join(dir, 'margay.sock'));
  await once(silent, 'listening');
  t.equal(await runningPid(dir, 50), 4711);
  await t.rejects(queryStatus(dir, { patienceMs: 50 }), { name: 'DaemonError', code: 'unresponsive' });
  silent.close();
});

t.test('what is not a socket is not removed', async (t) => {
  const dir = t.testdir({ 'margay.sock': 'precious' });
  await t.rejects(serveStatus(dir, ready), { message: /margay\.sock is in the way/ });
  t.equal(readFileSync(join(dir, 'margay.sock'), 'utf8'), 'precious');
});

t.test('a run directory whose path is too long for a socket', async (t) => {
  const dir = join(t.testdir(), 'd'.repeat(120));
  mkdirSync(dir);
  const server = await serveStatus(dir, ready);
  t.equal((await queryStatus(dir)).node, 'node0');
  await t.rejects(serveStatus(dir, ready), DaemonRunningError);
  await server.close();
  await t.rejects(queryStatus(dir), NoDaemonError);
});

t.test('waiting', async (t) => {
  const dir = t.testdir();
  let wait: StatusProvider['waitInForce'] = async () => undefined;
  let input = 1;
  const provider = { status: () => sampleStatus({ input }), waitInForce: (signal: AbortSignal) => wait(signal) };
  const server = await serveStatus(dir, provider);
  t.teardown(() => server.close());

  wait = async () => {
    input = 2;
  };
  t.equal((await queryStatus(dir, { waitSeconds: 5 })).input, 2, 'the status is the one afterwards');

  wait = () => new Promise(() => undefined);
  const late = queryStatus(dir, { waitSeconds: 0.05 });
  await t.rejects(late, { name: 'NotInForceError', message: /not in force after 0\.05 s/, status: { input: 2 } });

  wait = () => Promise.reject(new Error('the datastore is lost'));
  await t.rejects(queryStatus(dir, { waitSeconds: 5 }), NotInForceError);
  await t.rejects(queryStatus(dir, { waitSeconds: 5 }), { message: 'the datastore is lost' });

  const gone = new Promise<void>((resolve) => {
    wait = (signal) => new Promise(() => signal.addEventListener('abort', () => resolve()));
  });
  const socket = createConnection(join(dir, 'margay.sock'), () => {
    socket.write('{"command":"wait","seconds":60}\n');
    setTimeout(() => socket.destroy(), 50);
  });
  await t.resolves(gone, 'a client that goes away is not waited for');
});

t.test('closing ends clients that wait', async (t) => {
  const dir = t.testdir();
  let waits: () => void = () => undefined;
  const started = new Promise<void>((resolve) => {
    waits = resolve;
  });
  const waitInForce = () => {
    waits();
    return new Promise<void>(() => undefined);
  };
  const server = await serveStatus(dir, { ...ready, waitInForce });
  const refused = t.rejects(queryStatus(dir, { waitSeconds: 60 }), { name: 'DaemonError', code: 'unreadable' });
  await started;
  await server.close();
  await refused;
});

t.test('requests that make no sense', async (t) => {
  const dir = t.testdir();
  const server = await serveStatus(dir, {
    ...ready,
    status: () => {
      throw new Error('broken inside');
    },
  });
  t.teardown(() => server.close());
  const path = join(dir, 'margay.sock');
  const refused = ['', 'null', '[]', '{"command":"reboot"}', '{"command":"wait"}', '{"command":"wait","seconds":-1}'];
  for (const line of refused) t.match(JSON.parse(await exchange(path, `${line}\n`)), { error: /does not know/ }, line);
  t.match(JSON.parse(await exchange(path, 'x'.repeat(5000))), { error: /too long/ });
  await t.rejects(queryStatus(dir), { name: 'DaemonError', code: 'refused', message: /broken inside/ });
  t.equal(await runningPid(dir), process.pid, 'it still serves');
});

t.test('the pid file of another daemon is left alone', async (t) => {
  const dir = t.testdir();
  const server = await serveStatus(dir, ready);
  writeFileSync(join(dir, 'margay.pid'), '4711\n');
  await server.close();
  t.equal(readFileSync(join(dir, 'margay.pid'), 'utf8'), '4711\n');
});

t.test('reasons', async (t) => {
  const { datastore } = sampleStatus();
  t.same(notReadyReasons(sampleStatus()), []);
  t.same(
    notReadyReasons(
      sampleStatus({
        ready: false,
        inSync: false,
        datastore: { ...datastore, connected: false, reason: 'DIR is gone' },
        interfaces: { listed: false, reason: 'ip is missing' },
        lastApply: { at: '', ms: 1, changes: 0, error: 'no space' },
      }),
    ),
    [
      'the datastore is not connected: DIR is gone',
      'the datastore has not been read completely yet',
      'the interfaces have not been listed yet: ip is missing',
      'the last transaction was refused: no space',
    ],
  );
  t.same(
    notReadyReasons(sampleStatus({ ready: false, datastore: { ...datastore, reason: 'it is being migrated' } })),
    ['the datastore is not ready: it is being migrated'],
    'connected, but not to be used',
  );
  t.same(
    notReadyReasons(sampleStatus({ ready: false })),
    ['the ruleset has not been applied yet'],
    'never without one',
  );
  t.same(degradedReasons(sampleStatus()), []);
  t.equal(degradedReasons(sampleStatus({ degraded: true })).length, 1, 'never without one');
});
