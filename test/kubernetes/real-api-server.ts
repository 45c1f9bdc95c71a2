import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { apiClient } from '../../src/datastore/kubernetes/client/api-client.js';
import { tokenCredentials } from '../../src/datastore/kubernetes/client/credentials.js';
import { listIn, type Native, textListIn } from '../../src/datastore/kubernetes/conversion/native.js';
import { isMap } from '../../src/resources/normalise.js';
import { writerOf } from '../datastore/etcd-world.js';
import { freePorts, startEtcd } from '../lab/etcd.js';
import type { Certificates } from './certificates.js';
import { load, manifest } from './manifests.js';
import { type Server, tokens } from './world.js';

/** A kube-apiserver with an etcd of its own, both on loopback. */
export interface RealApiServer extends Server {
  /** Stops the process by a signal, and lets it go on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  /** Makes etcd forget what has happened. */
  compact(): Promise<void>;
}

const START_MS = 60_000;

export async function realApiServer(binary: string, certificates: Certificates): Promise<RealApiServer> {
  const directory = await mkdtemp(join(tmpdir(), 'margay-kube-apiserver-'));
  const [port = 0] = await freePorts(1);
  const etcd = await startEtcd({ args: ['--unsafe-no-fsync'] });
  const users = [`${tokens.admin},admin,1,"system:masters"`, `${tokens.agent},agent,2`];
  await writeFile(join(directory, 'tokens.csv'), `${users.join('\n')}\n`);
  const { keyFile, certFile } = certificates.server;
  const apiserver = daemon(binary, directory, [
    ['--etcd-servers', etcd.url],
    ['--bind-address', '127.0.0.1'],
    ['--advertise-address', '127.0.0.1'],
    ['--endpoint-reconciler-type', 'none'],
    ['--secure-port', String(port)],
    ['--cert-dir', directory],
    ['--tls-cert-file', certFile],
    ['--tls-private-key-file', keyFile],
    ['--client-ca-file', join(certificates.directory, 'ca.crt')],
    ['--service-cluster-ip-range', '10.96.0.0/24'],
    ['--service-account-issuer', 'https://kubernetes.default'],
    ['--service-account-key-file', certFile],
    ['--service-account-signing-key-file', keyFile],
    ['--token-auth-file', join(directory, 'tokens.csv')],
    ['--authorization-mode', 'RBAC'],
    ['--disable-admission-plugins', 'ServiceAccount'],
  ]);
  const admin = apiClient({
    access: async () => ({
      server: `https://127.0.0.1:${port}`,
      tls: { ca: certificates.ca, rejectUnauthorized: true },
      credentials: tokenCredentials(tokens.admin),
      warnings: [],
    }),
    userAgent: 'margay-tests',
  });

  async function close(): Promise<void> {
    await admin.close();
    await apiserver.kill();
    await etcd.close();
    await rm(directory, { recursive: true, force: true });
  }

  async function ready(): Promise<void> {
    const deadline = Date.now() + START_MS;
    while (!(await isReady(certificates.ca, port))) {
      if (Date.now() > deadline || !apiserver.isRunning())
        throw new Error(`kube-apiserver did not start: ${await endOf(join(directory, 'kube-apiserver.log'))}`);
      await pause(100);
    }
  }

  try {
    apiserver.start();
    await ready();
    await load(admin, manifest('rbac.yaml'));
    await load(admin, [binding]);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    port,
    forbid: (resource) => forbid(admin, resource),
    async restart(whileDown = async () => undefined) {
      await apiserver.kill();
      await whileDown();
      apiserver.start();
      await ready();
    },
    signal: (name) => apiserver.signal(name),
    compact: () => writerOf(etcd).compact(),
    close,
  };
}

/** The user of the tests has the role of the agent. */
const binding: Native = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'agent' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'margay' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'agent' }],
};

type Client = ReturnType<typeof apiClient>;

async function forbid(admin: Client, resource: string): Promise<() => Promise<void>> {
  const path = '/apis/rbac.authorization.k8s.io/v1/clusterroles/margay';
  const plural = resource.split('.', 1)[0];
  const role = await admin.request({ path });
  const rules = listIn(role, 'rules');
  const without = rules.map((rule) => ({
    ...(isMap(rule) ? rule : {}),
    resources: textListIn(rule, 'resources').filter((name) => name !== plural),
  }));
  await setRules(admin, path, without);
  await untilReadable(admin, resource, false);
  return async () => {
    await setRules(admin, path, rules);
    await untilReadable(admin, resource, true);
  };
}

async function setRules(admin: Client, path: string, rules: readonly unknown[]): Promise<void> {
  const role = await admin.request({ path });
  await admin.request({ method: 'PUT', path, body: { ...(isMap(role) ? role : {}), rules } });
}

/** The server learns of roles by a watch of its own. */
async function untilReadable(admin: Client, resource: string, wanted: boolean): Promise<void> {
  const [plural, ...group] = resource.split('.');
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user: 'agent', resourceAttributes: { verb: 'list', group: group.join('.'), resource: plural } },
  };
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  for (;;) {
    const review = await admin.request({ method: 'POST', path, body });
    if (isMap(review) && isMap(review.status) && Boolean(review.status.allowed) === wanted) return;
    await pause(20);
  }
}

async function isReady(ca: string, port: number): Promise<boolean> {
  const { request } = await import('node:https');
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${tokens.admin}` };
    const sent = request({ host: '127.0.0.1', port, ca, path: '/readyz', headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    sent.on('error', () => resolve(false));
    sent.end();
  });
}

async function endOf(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).slice(-1000);
}

interface Daemon {
  start(): void;
  isRunning(): boolean;
  signal(name: NodeJS.Signals): void;
  /** Ends the process that was started last, by its id. */
  kill(): Promise<void>;
}

function daemon(command: string, directory: string, options: readonly (readonly [string, string])[]): Daemon {
  const args = options.map(([name, value]) => `${name}=${value}`);
  let current: { readonly child: ChildProcess; readonly ended: Promise<unknown> } | undefined;
  return {
    start() {
      const log = openSync(join(directory, `${basename(command)}.log`), 'a');
      // If the test is killed, so are they.
      const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], { stdio: ['ignore', log, log] });
      closeSync(log);
      current = { child, ended: once(child, 'exit') };
    },
    isRunning: () => current?.child.exitCode === null && current.child.signalCode === null,
    signal(name) {
      current?.child.kill(name);
    },
    async kill() {
      current?.child.kill('SIGKILL');
      await current?.ended;
    },
  };
}
