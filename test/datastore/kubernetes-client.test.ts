import { once } from 'node:events';
import { chmod, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import { backOff } from '../../src/datastore/kubernetes/back-off.js';
import { type ApiClient, apiClient } from '../../src/datastore/kubernetes/client/api-client.js';
import { ApiError, apiError, isExpired, UnreachableError } from '../../src/datastore/kubernetes/client/api-error.js';
import type { ClusterAccess } from '../../src/datastore/kubernetes/client/cluster-access.js';
import { inClusterAccess } from '../../src/datastore/kubernetes/client/in-cluster.js';
import { listParser } from '../../src/datastore/kubernetes/client/list-parser.js';
import { openAccess } from '../../src/datastore/kubernetes/client/open-access.js';
import { compareVersions } from '../../src/datastore/kubernetes/resource-version.js';
import { fakeWorld } from '../kubernetes/fake-world.js';
import { quickTimes } from '../kubernetes/source-suite.js';
import { tokens } from '../kubernetes/world.js';

type Environment = Readonly<Record<string, string | undefined>>;

const world = await fakeWorld();
t.teardown(() => world.close());
const { ca, client: certified, strangerCa } = world.certificates;
const server = `https://127.0.0.1:${world.fake.port}`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const environment: Environment = { PATH: process.env.PATH };

/** A kubeconfig with one cluster and one user. */
function kubeconfig(cluster: object, user: object): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'main',
    contexts: [{ name: 'main', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server, ...cluster } }],
    users: [{ name: 'u', user }],
  });
}

const trusted = { 'certificate-authority-data': base64(ca) };

function client(t: Test, access: () => Promise<ClusterAccess>): ApiClient {
  const made = apiClient({ access, userAgent: 'margay-tests', times: quickTimes });
  t.teardown(() => made.close());
  return made;
}

/** Who the server takes the one for that the file names. */
async function userOf(t: Test, path: string, env: Environment = environment): Promise<string | undefined> {
  await client(t, () => openAccess(path, env)).request({ path: '/api/v1/nodes' });
  return world.fake.requests.at(-1)?.user;
}

t.test('kubeconfigs', async (t) => {
  const directory = t.testdir({
    'ca.crt': ca,
    'client.crt': certified.cert,
    'client.key': certified.key,
    token: `${tokens.agent}\n`,
  });
  const file = async (cluster: object, user: object, name = 'config'): Promise<string> => {
    await writeFile(join(directory, name), kubeconfig(cluster, user));
    return join(directory, name);
  };

  await t.test('a token', async (t) => {
    t.equal(await userOf(t, await file(trusted, { token: tokens.agent })), 'agent');
  });
  await t.test('a token in a file beside it, replaced while it is used', async (t) => {
    const path = await file({ 'certificate-authority': 'ca.crt' }, { tokenFile: 'token' });
    const used = client(t, () => openAccess(path, environment));
    const user = async () => {
      await used.request({ path: '/api/v1/nodes' });
      return world.fake.requests.at(-1)?.user;
    };
    t.equal(await user(), 'agent');
    await writeFile(join(directory, 'token.new'), tokens.admin);
    await rename(join(directory, 'token.new'), join(directory, 'token'));
    t.equal(await user(), 'admin');
    await rename(join(directory, 'token'), join(directory, 'token.gone'));
    t.equal(await user(), 'admin', 'one that can not be read for a moment is used on');
  });
  await t.test('client certificates', async (t) => {
    const files = { 'client-certificate': 'client.crt', 'client-key': join(directory, 'client.key') };
    t.equal(await userOf(t, await file(trusted, files)), 'certified', 'in files');
    const data = { 'client-certificate-data': base64(certified.cert), 'client-key-data': base64(certified.key) };
    t.equal(await userOf(t, await file(trusted, data)), 'certified', 'inside');
  });
  await t.test('a program that gives credentials', async (t) => {
    const plugin = join(directory, 'plugin');
    const script = `#!/bin/sh
n=$(cat "$0.count" 2>/dev/null || echo 0); echo $((n + 1)) > "$0.count"
[ "$n" = 0 ] && token=expired || token=$TOKEN
case $KUBERNETES_EXEC_INFO in *'"interactive":false'*) ;; *) exit 3 ;; esac
echo '{"kind": "ExecCredential", "status": {"token": "'$token$1'"}}'
`;
    await writeFile(plugin, script);
    await chmod(plugin, 0o755);
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: './plugin',
      args: ['-token'],
      env: [{ name: 'TOKEN', value: 'agent' }],
    };
    t.equal(await userOf(t, await file(trusted, { exec })), 'agent', 'a token that is refused is replaced at once');
    const certificates = { clientCertificateData: certified.cert, clientKeyData: certified.key };
    await writeFile(plugin, `#!/bin/sh\ncat <<'END'\n${JSON.stringify({ status: certificates })}\nEND\n`);
    t.equal(await userOf(t, await file(trusted, { exec })), 'certified');
    await writeFile(plugin, '#!/bin/sh\necho nonsense\n');
    await t.rejects(userOf(t, await file(trusted, { exec })), /plugin .*did not print an ExecCredential/);
    await writeFile(plugin, '#!/bin/sh\nexit 1\n');
    await t.rejects(
      userOf(t, await file(trusted, { exec: { ...exec, installHint: 'get it' } })),
      /failed.*exit code 1.*get it/s,
    );
  });
  await t.test('several files', async (t) => {
    const first = join(directory, 'first');
    await writeFile(
      first,
      stringify({ 'current-context': 'main', users: [{ name: 'u', user: { token: tokens.admin } }] }),
    );
    const second = await file(trusted, { token: tokens.agent });
    t.equal(
      await userOf(t, '', { ...environment, KUBECONFIG: `${first}:${second}` }),
      'admin',
      'what comes first counts',
    );
  });
  await t.test('without a check of the certificate', async (t) => {
    const access = await openAccess(
      await file({ 'insecure-skip-tls-verify': true }, { token: tokens.agent }),
      environment,
    );
    t.match(access.warnings, [/insecure-skip-tls-verify.*can pose as the API server/]);
    await client(t, async () => access).request({ path: '/api/v1/nodes' });
  });
  await t.test('the name that the certificate is for', async (t) => {
    const named = { ...trusted, 'tls-server-name': 'kubernetes.default' };
    t.equal(await userOf(t, await file(named, { token: tokens.agent })), 'agent');
    const other = { ...trusted, 'tls-server-name': 'elsewhere' };
    await t.rejects(userOf(t, await file(other, { token: tokens.agent })), /tls-server-name/);
  });
  await t.test('another authority', async (t) => {
    const other = { 'certificate-authority-data': base64(strangerCa) };
    await t.rejects(userOf(t, await file(other, { token: tokens.agent })), /can't be reached.*certificate-authority/s);
  });
  await t.test('what can not be used is named', async (t) => {
    const bad: readonly [RegExp, string][] = [
      [/the kubeconfig can't be read.*missing/, join(directory, 'missing')],
      [/is no kubeconfig/, await file({}, {}, 'list')],
    ];
    await writeFile(join(directory, 'list'), '- 1\n');
    for (const [message, path] of bad) await t.rejects(openAccess(path, environment), message);
    await t.rejects(openAccess(await file({ server: 'nonsense' }, {}), environment), /server 'nonsense' is no URL/);
    await t.rejects(openAccess(await file({ 'proxy-url': 'http://p' }, {}), environment), /proxy-url is not supported/);
    await t.rejects(openAccess(await file(trusted, { 'auth-provider': {} }), environment), /auth-provider/);
    await t.rejects(
      openAccess(await file({ 'certificate-authority': 'gone' }, {}), environment),
      /certificate-authority can't be read/,
    );
    await writeFile(join(directory, 'context'), 'current-context: x\n');
    await t.rejects(openAccess(join(directory, 'context'), environment), /there is no context 'x'/);
    await writeFile(join(directory, 'empty'), '{}\n');
    await t.rejects(openAccess(join(directory, 'empty'), environment), /current-context is not set/);
    await writeFile(join(directory, 'broken'), 'a: [\n');
    await t.rejects(openAccess(join(directory, 'broken'), environment), /broken/);
  });
});

t.test('in a pod', async (t) => {
  const directory = t.testdir({ 'ca.crt': ca, token: tokens.agent });
  const pod = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(world.fake.port) };
  const used = client(t, () => inClusterAccess(pod, directory));
  await used.request({ path: '/api/v1/nodes' });
  t.equal(world.fake.requests.at(-1)?.user, 'agent');
  await writeFile(join(directory, 'token'), tokens.admin);
  await used.request({ path: '/api/v1/nodes' });
  t.equal(world.fake.requests.at(-1)?.user, 'admin', 'the token is replaced while it is used');
  t.equal(
    (await inClusterAccess({ ...pod, KUBERNETES_SERVICE_HOST: 'fd00::1' }, directory)).server,
    `https://[fd00::1]:${world.fake.port}`,
  );
  await t.rejects(openAccess(undefined, {}), /this is no pod.*KUBECONFIG/s, 'elsewhere');
});

t.test('a server that can not be talked to', async (t) => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
  await Promise.all([once(silent, 'listening'), once(other, 'listening')]);
  t.teardown(() => {
    silent.close();
    other.close();
  });
  const reach = (address: ReturnType<typeof silent.address>, scheme: string, connectMs: number) => {
    const port = typeof address === 'object' ? address?.port : 0;
    const access = { ...world.access('agent'), server: `${scheme}://127.0.0.1:${port}` };
    const made = apiClient({ access: async () => access, userAgent: 'x', times: { ...quickTimes, connectMs } });
    t.teardown(() => made.close());
    return made.connect();
  };
  await t.rejects(reach(silent.address(), 'https', 100), /can't be reached: no connection within 0.1 s/);
  await t.rejects(reach(other.address(), 'http', 5000), /can't be reached.*HTTP\/2/);
  await t.rejects(reach(other.address(), 'https', 5000), /can't be reached/);
});

t.test('a path before the API', async (t) => {
  const access = { ...world.access('admin'), server: `${server}/k8s/clusters/c1` };
  await client(t, async () => access)
    .request({ path: '/api/v1/nodes' })
    .catch(() => undefined);
  t.equal(world.fake.requests.at(-1)?.path, '/k8s/clusters/c1/api/v1/nodes');
});

t.test('an answer that breaks off is an error', async (t) => {
  const used = client(t, async () => world.access('admin'));
  await used.connect();
  const watch = await used.watch({ path: '/api/v1/nodes', query: { watch: true } });
  const next = watch.next();
  world.link.cut();
  await t.rejects(next, UnreachableError);
  world.link.mend();
});

t.test('signals end requests', async (t) => {
  const used = client(t, async () => world.access('admin'));
  world.fake.fault = ({ path }) => (path === '/api/v1/nodes' ? 'silence' : undefined);
  t.teardown(() => {
    world.fake.fault = undefined;
  });
  const stop = new AbortController();
  const request = used.request({ path: '/api/v1/nodes', signal: stop.signal });
  await world.fake.until(() => world.fake.requests.at(-1)?.path === '/api/v1/nodes');
  stop.abort();
  await t.rejects(request, { name: 'AbortError' });
  await t.rejects(used.request({ path: '/api/v1/nodes', signal: stop.signal }), { name: 'AbortError' });
});

t.test('errors of the API', async (t) => {
  const error = apiError(
    'GET /x',
    429,
    { reason: 'TooManyRequests', message: 'slow down', details: { retryAfterSeconds: 3 } },
    '9',
  );
  t.match(error, {
    code: 429,
    reason: 'TooManyRequests',
    retryAfterMs: 3000,
    message: 'GET /x: 429 TooManyRequests: slow down',
  });
  t.match(apiError('GET /x', 503, 'upstream is gone', '7'), {
    reason: 'ServiceUnavailable',
    retryAfterMs: 7000,
    message: /upstream is gone/,
  });
  t.match(apiError('GET /x', 404, { details: { kind: 'pods', name: 'p' } }), {
    subject: { plural: 'pods', name: 'p' },
  });
  t.ok(isExpired(apiError('x', 410, undefined)));
  t.ok(isExpired(apiError('x', 200, { reason: 'Expired' })));
  t.notOk(isExpired(new UnreachableError('x')));
  t.type(apiError('x', 418, undefined), ApiError);
});

t.test('lists in pieces', async (t) => {
  const json = fc.json();
  const item = fc.record({
    metadata: fc.record({ name: fc.string(), items: fc.array(fc.string()) }),
    more: json,
    '"}': json,
  });
  const list = fc.record({ kind: fc.string(), items: fc.array(item), metadata: fc.record({ continue: fc.string() }) });
  const cases = fc.tuple(list, fc.boolean(), fc.integer({ min: 1, max: 40 }), fc.boolean());
  fc.assert(
    fc.property(cases, ([value, metadataFirst, size, pretty]) => {
      const { items, metadata, kind } = value;
      const ordered = metadataFirst ? { kind, metadata, items } : { items, kind, metadata };
      const text = Buffer.from(JSON.stringify(ordered, null, pretty ? 2 : 0));
      const parser = listParser();
      const found: unknown[] = [];
      for (let at = 0; at < text.length; at += size) found.push(...parser.push(text.subarray(at, at + size)));
      const expected = { found: items, rest: { ...ordered, items: null } };
      return JSON.stringify({ found, rest: parser.end() }) === JSON.stringify(expected);
    }),
    { numRuns: 500 },
  );
  const parsed = (text: string): unknown => {
    const parser = listParser();
    return [parser.push(Buffer.from(text)), parser.end()];
  };
  t.strictSame(parsed('{"items":null,"metadata":{}}'), [[], { items: null, metadata: {} }]);
  t.strictSame(parsed('{"a":{"items":[{}]},"items":[ ]}'), [[], { a: { items: [{}] }, items: null }]);
  t.strictSame(parsed('{"kind":"items","items":[{"a":"\\\\\\"]}"}]}'), [
    [{ a: '\\"]}' }],
    { kind: 'items', items: null },
  ]);
  t.throws(() => parsed('{"items":[{"a":}]}'), SyntaxError);
  t.throws(() => parsed('{"items":[{}'), SyntaxError);
  t.throws(() => parsed('<html>'), SyntaxError);
});

t.test('waiting between tries', async (t) => {
  const waits = (random: number) => {
    const retry = backOff({ firstMs: 100, mostMs: 1000 }, () => random);
    return Array.from({ length: 6 }, () => retry.next());
  };
  t.strictSame(waits(1), [100, 200, 400, 800, 1000, 1000], 'twice as long each time');
  t.strictSame(waits(0), [50, 100, 200, 400, 500, 500], 'half of it is chance');
  const retry = backOff({ firstMs: 100, mostMs: 1000 }, () => 1);
  for (let tries = 0; tries < 2000; tries++) retry.next();
  t.equal(retry.next(), 1000);
  retry.reset();
  t.equal(retry.next(), 100);
});

t.test('versions', async (t) => {
  t.equal(compareVersions('9', '10'), -1);
  t.equal(compareVersions('10', '10'), 0);
  t.equal(compareVersions('12345678901234567891', '12345678901234567890'), 1);
  t.equal(compareVersions('a', '1'), undefined, 'opaque');
});
