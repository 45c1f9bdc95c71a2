import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { NoDaemonError, NotInForceError, queryStatus } from '../../src/observe/status-client.js';
import type { Resource } from '../../src/resources/kinds.js';
import { type Agent, createAgent } from '../lab/agent.js';
import { inNamespace } from '../lab/command.js';
import { namespacePrefix, reapDeadLabs, removeNamespaces } from '../lab/namespaces.js';
import { type Commits, monotonicMs, observeCommits, pause } from './commits.js';
import { dataSet, fileName, NODE } from './data-set.js';
import { etcdInNamespace } from './etcd-node.js';

/** A network namespace with an eth0, a datastore, and the real daemon in it. */
export interface BenchNode {
  readonly namespace: string;
  readonly agent: Agent;
  readonly commits: Commits;
  /** The returned function writes the object into the datastore: moves its file there, which has been written before, or puts it. */
  prepare(resource: Resource): Promise<() => Promise<void>>;
  /** Runs a command in the namespace; its standard output. */
  exec(argv: readonly string[], input?: string): Promise<string>;
  /** As if nothing had been there before: no table, no state. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

const NETWORK = [
  'link set lo up',
  'link add eth0 type veth peer name far0',
  'address add 172.31.0.10/24 dev eth0',
  'link set eth0 up',
  'link set far0 up',
];

let count = 0;

/** `cluster`: the data set, a file for each object; `host`: only what concerns the host endpoint, in one file of YAML. */
export type BenchData = 'cluster' | 'host';

/** With etcd, the server is in the namespace, too. */
export type BenchDatastore = 'files' | 'etcd';

/** `policies`: size of the data set. The workloads of the node have no interfaces, as if they were about to start. */
export async function benchNode(
  policies: number,
  data: BenchData = 'cluster',
  datastore: BenchDatastore = 'files',
): Promise<BenchNode> {
  if (count === 0) reapDeadLabs();
  const prefix = namespacePrefix(count++);
  const namespace = `${prefix}bench`;
  const directory = await mkdtemp(join(tmpdir(), prefix));
  const resources = join(directory, 'resources');
  await mkdir(resources);
  await execa('ip', ['netns', 'add', namespace]);
  const [command = '', ...args] = inNamespace(namespace, ['ip', '-batch', '-']);
  await execa(command, args, { input: `${NETWORK.join('\n')}\n` });
  const etcd = datastore === 'etcd' ? await etcdInNamespace(namespace) : undefined;
  if (etcd === undefined) await writeData(resources, policies, data);
  else for (const resource of dataSet(policies)) await etcd.put(resource);
  const etcdArgs = etcd === undefined ? {} : { args: ['--datastore', `etcd:${etcd.url}`] };
  const agent = createAgent(namespace, NODE, directory, { resources, readySeconds: 0, ...etcdArgs });
  const commits = await observeCommits(namespace);
  const exec = async (argv: readonly string[], input = '') => {
    const [command = '', ...args] = inNamespace(namespace, argv);
    return (await execa(command, args, { input })).stdout;
  };
  return {
    namespace,
    agent,
    commits,
    exec,
    async prepare(resource) {
      if (etcd !== undefined) return () => etcd.put(resource);
      const name = fileName(resource);
      const beside = join(directory, name);
      await writeFile(beside, JSON.stringify(resource));
      return () => rename(beside, join(resources, name));
    },
    async reset() {
      await exec(['nft', 'flush', 'ruleset']);
      await rm(agent.runDirectory, { recursive: true, force: true });
      await rm(join(directory, 'state'), { recursive: true, force: true });
    },
    async close() {
      await agent.kill();
      await commits.stop();
      await etcd?.close();
      removeNamespaces((name) => name === namespace);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function writeData(directory: string, policies: number, data: BenchData): Promise<void> {
  if (data === 'host') {
    const documents = dataSet(policies).filter(({ kind }) => kind !== 'WorkloadEndpoint');
    return writeFile(join(directory, 'host.yaml'), documents.map((one) => `---\n${stringify(one)}`).join(''));
  }
  for (const resource of dataSet(policies))
    await writeFile(join(directory, fileName(resource)), JSON.stringify(resource));
}

/** Asks the daemon itself, also while it is not there yet. */
export async function untilInForce(agent: Agent, seconds = 60): Promise<void> {
  const deadline = monotonicMs() + seconds * 1000;
  for (;;) {
    try {
      await queryStatus(agent.runDirectory, { waitSeconds: seconds });
      return;
    } catch (error) {
      // It has not looked at its datastore yet.
      if (!(error instanceof NoDaemonError || error instanceof NotInForceError)) throw error;
      if (agent.pid() === undefined || monotonicMs() > deadline) throw new Error(agent.log(), { cause: error });
      await pause(2);
    }
  }
}
