import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cleanEnvironment } from './agent.js';
import { inNamespace, systemPath } from './command.js';

/** Why there can be no etcd here; undefined if there can. */
export function etcdMissing(): string | undefined {
  const { error } = spawnSync('etcd', ['--version'], { env: { PATH: systemPath() } });
  return error === undefined ? undefined : 'there is no etcd here (Debian: apt-get install etcd-server)';
}

export interface EtcdOptions {
  /** The network namespace that it listens in; the test's own by default. Only from there `request` works. */
  readonly namespace?: string;
  readonly args?: readonly string[];
  /** How long a request of the test may take. Default: 30 s. */
  readonly requestMs?: number;
  /** Besides http:, the server listens with TLS: for clients with a certificate of the CA. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** A real etcd on the loopback interface, with a data directory of its own. */
export interface EtcdServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** With TLS. */
  readonly secureUrl: string;
  readonly pid: number | undefined;
  /** Again, on the same ports and with the same data. */
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP: it keeps its connections and says nothing. */
  pause(): void;
  resume(): void;
  /** Ends it and removes its data. */
  wipe(): Promise<void>;
  close(): Promise<void>;
  /** One request of etcd's JSON gateway, `kv/put` for instance; its answer. */
  request(path: string, body: object, token?: string): Promise<Record<string, unknown>>;
}

export async function startEtcd(options: EtcdOptions = {}): Promise<EtcdServer> {
  const [server] = await startCluster(1, options);
  if (server === undefined) throw new Error('no etcd');
  return server;
}

/** Members of one cluster, all started. */
export async function startCluster(size: number, options: EtcdOptions = {}): Promise<EtcdServer[]> {
  const ports = await freePorts(size * 3);
  const members = Array.from({ length: size }, (_, index) => {
    const [client = 0, peer = 0, secure = 0] = ports.slice(index * 3);
    return { name: `m${index}`, client, peer, secure };
  });
  const initial = members.map(({ name, peer }) => `${name}=http://127.0.0.1:${peer}`).join(',');
  const servers = members.map((member) => createServerOf(member, initial, options));
  try {
    await Promise.all(servers.map((server) => server.start()));
  } catch (error) {
    await Promise.all(servers.map((server) => server.close()));
    throw error;
  }
  return servers;
}

interface Member {
  readonly name: string;
  readonly client: number;
  readonly peer: number;
  readonly secure: number;
}

function createServerOf({ name, client, peer, secure }: Member, initial: string, options: EtcdOptions) {
  const { namespace, args = [], tls, requestMs = 30_000 } = options;
  const directory = mkdtempSync(join(tmpdir(), 'margay-etcd-'));
  const data = join(directory, 'data');
  const [url, secureUrl, peerUrl] = [
    `http://127.0.0.1:${client}`,
    `https://127.0.0.1:${secure}`,
    `http://127.0.0.1:${peer}`,
  ];
  const clientUrls = tls ? `${url},${secureUrl}` : url;
  const etcd = [
    ...['etcd', '--name', name, '--data-dir', data],
    ...['--listen-client-urls', clientUrls, '--advertise-client-urls', clientUrls],
    ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl, '--initial-cluster', initial],
    ...['--heartbeat-interval', '50', '--election-timeout', '500'],
    ...(tls ? ['--trusted-ca-file', tls.ca, '--cert-file', tls.cert, '--key-file', tls.key, '--client-cert-auth'] : []),
    ...args,
  ];
  const command = namespace === undefined ? etcd : inNamespace(namespace, etcd);
  let child: ChildProcess | undefined;
  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null;

  const start = async (): Promise<void> => {
    // It dies with the test, whatever happens to the test.
    child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: cleanEnvironment(),
    });
    await untilServing(child);
  };
  const kill = async (): Promise<void> => {
    if (!isRunning() || child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  const server: EtcdServer = {
    url,
    secureUrl,
    get pid() {
      return child?.pid;
    },
    start,
    kill,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async wipe() {
      await kill();
      rmSync(data, { recursive: true, force: true });
    },
    async close() {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
    async request(path, body, token) {
      const headers = token === undefined ? {} : { Authorization: token };
      const signal = AbortSignal.timeout(requestMs);
      const response = await fetch(`${url}/v3/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers,
        signal,
      });
      const answer: unknown = await response.json();
      if (!response.ok || typeof answer !== 'object' || answer === null)
        throw new Error(`etcd: ${path}: ${JSON.stringify(answer)}`);
      return { ...answer };
    },
  };
  return server;
}

/** etcd says so itself; a listening port alone does not answer yet. */
async function untilServing(child: ChildProcess): Promise<void> {
  const { stderr } = child;
  if (stderr === null) throw new Error('etcd has no standard error');
  const last: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: stderr }).on('line', (line) => {
      last.push(line);
      if (last.length > 20) last.shift();
      if (/ready to serve client requests/.test(line)) resolve();
    });
    child.on('error', reject);
    child.on('exit', (status) => reject(new Error(`etcd ended with ${status}:\n${last.join('\n')}`)));
  });
}

/** Ports that nobody listens on at the moment, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
