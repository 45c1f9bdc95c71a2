import { join } from 'node:path';
import t from 'tap';
import { columns } from '../../src/cli/columns.js';
import { createPaint } from '../../src/cli/paint.js';
import { printable } from '../../src/cli/printable.js';
import { runProgram } from '../../src/cli/program.js';
import { statusText } from '../../src/cli/status-text.js';
import type { Status } from '../../src/observe/status.js';
import { serveStatus } from '../../src/observe/status-server.js';
import { sampleStatus } from '../observe/sample-status.js';

const plain = (_color: string, text: string) => text;

async function status(...argv: readonly string[]) {
  let stdout = '';
  let stderr = '';
  const io = {
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
    environment: {},
  };
  return { status: await runProgram(['status', ...argv], io), stdout, stderr };
}

t.test('exit statuses', async (t) => {
  const dir = t.testdir();
  t.match(await status('--run-dir', dir), { status: 3, stdout: '', stderr: /^margay: no daemon is running/ });
  t.match(await status('--run-dir', dir, '--json', '--wait=60'), { status: 3, stdout: '' }, 'nobody to wait for');

  let current: Status = sampleStatus();
  let wait = async () => undefined as undefined;
  const server = await serveStatus(dir, { status: () => current, waitInForce: () => wait() });
  t.teardown(() => server.close());
  t.match(await status('--run-dir', dir), { status: 0, stdout: /^node0: ready\n/, stderr: '' });
  const { stdout } = await status('--run-dir', dir, '--json');
  t.same(JSON.parse(stdout), current);
  t.match(await status('--run-dir', dir, '--wait'), { status: 0, stdout: /^node0: ready\n/ });

  wait = () => new Promise(() => undefined);
  const late = await status('--run-dir', dir, '--wait=0.05', '--json');
  t.match(late, { status: 1, stderr: /not in force after 0\.05 s/ });
  t.same(JSON.parse(late.stdout), current, 'the status is printed all the same');

  current = sampleStatus({ degraded: true });
  t.equal((await status('--run-dir', dir)).status, 0, 'degraded is good enough');
  const { datastore } = sampleStatus();
  current = sampleStatus({ ready: false, datastore: { ...datastore, reason: 'it is being migrated' } });
  t.match(await status('--run-dir', dir), { status: 1, stdout: /resources\.d, connected, not ready since/ });
  current = sampleStatus({ ready: false, inSync: false });
  t.match(await status('--run-dir', dir), { status: 1, stdout: /^node0: not ready\n {2}the datastore has not/ });
  wait = async () => undefined;
  t.equal((await status('--run-dir', dir, '--wait')).status, 1, 'in force, and still not ready');
});

t.test('a run directory in the environment', async (t) => {
  const dir = t.testdir();
  const server = await serveStatus(dir, { status: () => sampleStatus(), waitInForce: async () => undefined });
  t.teardown(() => server.close());
  const io = { stdout: { write: () => true }, stderr: { write: () => true } };
  t.equal(await runProgram(['status'], { ...io, environment: { MARGAY_RUN_DIR: dir } }), 0);
  t.equal(await runProgram(['status'], { ...io, environment: { RUNTIME_DIRECTORY: dir } }), 0);
  t.equal(await runProgram(['status'], { ...io, environment: { MARGAY_RUN_DIR: join(dir, 'x') } }), 3);
});

t.test('the text of a good status', async (t) => {
  t.equal(
    statusText(sampleStatus(), plain),
    `node0: ready

Datastore   file:/etc/margay/resources.d, connected since 2026-01-02T03:04:05Z, last change 2026-01-02T04:00:00Z
Input       generation 42 of 42 is in force
Ruleset     12 chains, 80 rules, 1 set, 10 elements (nft, abcdef012345)
Last apply  2026-01-02T04:00:01Z, 3 changes in 4.2 ms
Drift       none
Version     1.2.3

ENDPOINT  KIND          INTERFACES  STATE  POLICIES    PROFILES
h0        HostEndpoint  eth0        up     default.p1  -

Policies  1 enforced
`,
  );
});

t.test('the text of a bad one', async (t) => {
  const good = sampleStatus();
  const text = statusText(
    sampleStatus({
      ready: false,
      degraded: true,
      datastore: { ...good.datastore, connected: false, reason: 'the directory is gone' },
      ruleset: { ...good.ruleset, hash: null },
      lastApply: { at: '2026-01-02T04:00:01Z', ms: 1, changes: 1, error: 'No space left\non device' },
      endpoints: [
        {
          kind: 'WorkloadEndpoint',
          namespace: 'prod',
          name: 'w\u001b[31m',
          interfaces: [],
          state: 'error',
          policies: ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
          profiles: ['kns.prod'],
        },
      ],
      policies: [
        { kind: 'NetworkPolicy', namespace: 'prod', name: 'n', tier: 't', state: 'unsupported', reason: 'HTTP rules' },
        { kind: 'GlobalNetworkPolicy', name: 'g', tier: 't', state: 'hollow', reason: 'selects nothing here' },
        { kind: 'GlobalNetworkPolicy', name: 'e', tier: 't', state: 'enforced', reason: null },
      ],
      quarantined: [
        {
          kind: 'GlobalNetworkPolicy',
          name: 'q',
          file: '/etc/q.yaml',
          line: 3,
          path: 'spec.selector',
          code: 'selector',
          message: 'unexpected )',
          inForce: 'last valid',
        },
        { kind: 'Tier', name: 't', file: null, line: null, path: '', code: 'x', message: 'twice', inForce: 'absent' },
      ],
      drift: { repairs: 2, last: '2026-01-02T05:00:00Z' },
      state: { problem: 'ENOSPC: no space left' },
    }),
    plain,
  );
  const expected = [
    'node0: not ready\n  the datastore is not connected: the directory is gone\n  the last transaction was refused',
    '\n  2 objects are quarantined\n  1 policy is unsupported\n',
    'resources.d, not connected since',
    'Ruleset     none (nft)\n',
    '1 change in 1.0 ms, refused: No space left\\u000aon device\n',
    'Drift       2 repairs, the last 2026-01-02T05:00:00Z\n',
    'State       not written: ENOSPC: no space left\n',
    'prod/w\\u001b[31m  WorkloadEndpoint  -           error  a,b,c,d,+3  kns.prod\n',
    'Policies  1 enforced, 1 hollow, 1 unsupported\n',
    '  unsupported  NetworkPolicy        prod/n  HTTP rules\n',
    '  hollow       GlobalNetworkPolicy  g       selects nothing here\n',
    'Quarantined  2\n',
    '  GlobalNetworkPolicy q  /etc/q.yaml:3\n    spec.selector: unexpected ) (its last valid version is in force)\n',
    '  Tier t\n    twice (it is as if absent)\n',
  ];
  for (const part of expected) t.ok(text.includes(part), JSON.stringify(part));
  t.notMatch(text, '\u001b');
});

t.test('long lists are cut, an empty status is printed', async (t) => {
  const [endpoint] = sampleStatus().endpoints;
  const endpoints = Array.from({ length: 1000 }, (_, i) => ({ ...endpoint, name: `h${i}` })) as Status['endpoints'];
  const text = statusText(sampleStatus({ endpoints }), plain);
  t.match(text, 'and 980 more endpoints: see --json');
  t.ok(text.split('\n').length < 40);
  const nothing = statusText(sampleStatus({ endpoints: [], policies: [], lastApply: null }), plain);
  t.match(nothing, /Last apply {2}none yet\n/);
  t.match(nothing, /No endpoints on this node\.\n\nPolicies {2}none\n$/);
});

t.test('colours: on a terminal, unless somebody objects', async (t) => {
  const paint = (isTTY: boolean, environment: Record<string, string>) =>
    createPaint({ stdout: { isTTY, write: () => true }, environment })('red', 'x');
  t.equal(paint(true, {}), '\u001b[31mx\u001b[39m');
  t.equal(paint(true, { NO_COLOR: '' }), '\u001b[31mx\u001b[39m');
  t.equal(paint(true, { NO_COLOR: '1' }), 'x');
  t.equal(paint(true, { TERM: 'dumb' }), 'x');
  t.equal(paint(false, {}), 'x');
});

t.test('columns and printable text', async (t) => {
  t.same(columns([['\u001b[31ma\u001b[39m', 'b'], ['ccc', ''], ['ä']]), ['\u001b[31ma\u001b[39m    b', 'ccc', 'ä']);
  t.equal(printable('a\u0000\n\u009b\u202e\u2028ü'), 'a\\u0000\\u000a\\u009b\\u202e\\u2028ü');
});
