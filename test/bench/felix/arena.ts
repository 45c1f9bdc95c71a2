import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Resource } from '../../../src/resources/kinds.js';
import { clientOf, keyOf, QUICK_SERVER } from '../../datastore/etcd-world.js';
import { cleanEnvironment, createAgent } from '../../lab/agent.js';
import { margayCommand } from '../../lab/checkout.js';
import { cleanUpAtExit } from '../../lab/clean-up.js';
import type { DaemonProcess } from '../../lab/daemon-process.js';
import { startEtcd } from '../../lab/etcd.js';
import { namespacePrefix, reapDeadLabs, removeNamespaces } from '../../lab/namespaces.js';
import { type Commits, monotonicMs, observeCommits } from '../commits.js';
import { NODE } from '../data-set.js';
import { connect, must, SINK } from '../packet.js';
import { createFelix } from './felix-daemon.js';

/** Binaries of Calico; without them Margay is alone. */
export interface Binaries {
  readonly felix: readonly string[];
  readonly calicoctl: readonly string[];
}

/** A node, which packets reach from `far`. */
export interface ArenaNode {
  readonly near: string;
  readonly far: string;
  readonly commits: Commits;
  /** Its network has no ruleset but the sink. */
  reset(): Promise<void>;
}

/** An agent on a node of its own. All of them are the same node to the datastore. */
export interface Contender extends ArenaNode, Pick<DaemonProcess, 'pid' | 'log'> {
  readonly name: 'margay' | 'felix' | 'plain';
  /** What its log says once all that was in the datastore is in force. */
  readonly inForce: RegExp;
  /** Resolves with the time at which its process began, in ms of `monotonicMs`. */
  start(): Promise<number>;
  stop(): Promise<void>;
}

/** Nodes on one network with an etcd. */
export interface Arena {
  readonly contenders: readonly Contender[];
  /** Nobody filters packets here. */
  readonly bare: ArenaNode;
  /** As an operator does: by calicoctl where there is one. */
  apply(resources: readonly Resource[]): Promise<void>;
  /** Gets a change of an object that exists ready; the returned function writes it, and resolves once etcd has it. */
  prepare(resource: Resource): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

const ETCD_ADDRESS = '10.99.0.1';
const ETCD = `http://${ETCD_ADDRESS}:2379`;
const APPLY_MS = 300_000;

/**
 * Needs root, and a network namespace that nobody else uses: etcd is there. Once for a process; what it makes is gone after
 * `close`, at the end of the process, and otherwise when the next one starts.
 */
export async function openArena(binaries: Binaries | undefined): Promise<Arena> {
  // The time that a disk takes says nothing about agents.
  if (existsSync('/dev/shm')) process.env.TMPDIR = '/dev/shm';
  reapDeadLabs();
  const prefix = namespacePrefix(0);
  const directory = mkdtempSync(join(tmpdir(), prefix));
  process.env.TMPDIR = directory;
  const remove = cleanUpAtExit(() => {
    removeNamespaces((name) => name.startsWith(prefix));
    rmSync(directory, { recursive: true, force: true });
  });
  const network = ['link set lo up', 'link add etcd0 type bridge', `address add ${ETCD_ADDRESS}/24 dev etcd0`];
  await execa('ip', ['-batch', '-'], { input: [...network, 'link set etcd0 up', ''].join('\n') });
  const etcd = await startEtcd({
    args: ['--listen-client-urls', ETCD, '--advertise-client-urls', ETCD, ...QUICK_SERVER],
  });
  const client = clientOf([ETCD]);
  const node = (name: string, index: number) => openNode(prefix, name, index);

  const margay = async (name: 'margay' | 'plain', index: number, args: readonly string[]): Promise<Contender> => {
    const place = await node(name, index);
    const agent = createAgent(place.near, NODE, join(directory, name), {
      resources: `etcd:${ETCD}`,
      args,
      readySeconds: 0,
    });
    return {
      ...place,
      ...agent,
      name,
      inForce: /ruleset is in force/,
      async start() {
        rmSync(agent.runDirectory, { recursive: true, force: true });
        const began = monotonicMs();
        await agent.start();
        return began;
      },
      stop: async () => void (await agent.stop()),
    };
  };
  const felix = async (command: readonly string[], index: number): Promise<Contender> => {
    const place = await node('felix', index);
    const daemon = await createFelix({
      command,
      namespace: place.near,
      node: NODE,
      directory: join(directory, 'felix'),
      etcd: ETCD,
    });
    return {
      ...place,
      ...daemon,
      name: 'felix',
      inForce: /Completed first update to dataplane/,
      async stop() {
        daemon.signal('SIGKILL');
        await daemon.exited();
      },
    };
  };
  const contenders = [
    await margay('margay', 0, []),
    await margay('plain', 1, ['--lists', 'plain']),
    ...(binaries ? [await felix(binaries.felix, 2)] : []),
  ];
  return {
    contenders,
    bare: await node('bare', 3),
    async apply(resources) {
      const file = join(directory, 'data.yaml');
      writeFileSync(file, resources.map((resource) => `---\n${JSON.stringify(resource)}\n`).join(''));
      const [command = '', ...args] = binaries
        ? [...binaries.calicoctl, 'apply', '-f', file, '--allow-version-mismatch']
        : [...margayCommand, 'apply', '-f', file, '--datastore', `etcd:${ETCD}`];
      const env = { ...cleanEnvironment(), DATASTORE_TYPE: 'etcdv3', ETCD_ENDPOINTS: ETCD };
      await execa(command, args, { env, extendEnv: false, timeout: APPLY_MS });
    },
    async prepare(resource) {
      const { kind, metadata, ...fields } = resource;
      const { name, namespace } = metadata;
      const key = keyOf({ kind, name, ...(namespace === undefined ? {} : { namespace }) });
      const { kvs = [] } = await client.range({ key });
      const [stored] = kvs;
      if (stored === undefined) throw new Error(`etcd has no ${key}`);
      const before = JSON.parse(stored.value.toString());
      const value = { ...before, ...fields, metadata: { ...before.metadata, ...metadata } };
      const put = { requestPut: { key, value: Buffer.from(JSON.stringify(value)) } };
      return async () => void (await client.txn({ compare: [], success: [put], failure: [] }));
    },
    async close() {
      for (const { pid, stop } of contenders) if (pid() !== undefined) await stop();
      client.close();
      await etcd.close();
      remove();
    },
  };
}

async function openNode(prefix: string, name: string, index: number): Promise<ArenaNode> {
  const [near, far] = [`${prefix}${name}`, `${prefix}${name}-far`];
  await connect(near, far);
  const port = `port${index}`;
  const wire = [`link add ${port} type veth peer name eth1 netns ${near}`, `link set ${port} master etcd0 up`, ''];
  await execa('ip', ['-batch', '-'], { input: wire.join('\n') });
  const inside = [`address add 10.99.0.${10 + index}/24 dev eth1`, 'link set eth1 up', ''];
  await must(near, ['ip', '-batch', '-'], inside.join('\n'));
  return {
    near,
    far,
    commits: await observeCommits(near),
    reset: async () => void (await must(near, ['nft', '-f', '-'], `flush ruleset\n${SINK}`)),
  };
}
