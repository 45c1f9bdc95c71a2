import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { type Agent, type AgentOptions, type CommandResult, createAgent } from './agent.js';
import { cleanUpAtExit } from './clean-up.js';
import { inNamespace, systemPath } from './command.js';
import { namespacePrefix, reapDeadLabs, removeNamespaces } from './namespaces.js';
import {
  type Batch,
  type Family,
  type Host,
  type LabSpec,
  NODE,
  plugging,
  sysctls,
  topologyOf,
  wiring,
} from './topology.js';
import type { Outcome, Target, Transport, Watched } from './traffic.js';
import { startTraffic, type TrafficClient } from './traffic-client.js';
import { trafficScript } from './traffic-script.js';

/** `tcp/80` or `udp/53`; `icmp` is an echo request. */
export type Service = `${Transport}/${number}`;

/** A connection that stays open. */
export interface Flow {
  /** Whether a question over it is still answered. */
  alive(): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * A private network of namespaces: node0 with eth0 on net0 and eth1 on net1, clients x* on net0 and y* on net1, workloads
 * behind veths of the node. All of it is gone after `close`, at the end of the process, and after SIGINT and SIGTERM.
 */
export interface Lab {
  /** Of the lab alone, removed with it. */
  readonly directory: string;
  readonly hosts: ReadonlyMap<string, Host>;
  namespace(host: string): string;
  /** The address of `to` that `from` uses: the one on the net that both are on. */
  address(to: string, from?: string, family?: Family): string;
  /** Runs a command in a namespace to its end, whatever that is; 30 s at most. */
  exec(host: string, argv: readonly string[], options?: { readonly input?: string }): Promise<CommandResult>;
  /** The same, and throws unless it succeeds; its standard output. */
  must(host: string, argv: readonly string[], options?: { readonly input?: string }): Promise<string>;
  /** Answers on these ports, on all addresses that the host has now. Again after an address was added. */
  serve(host: string, services: readonly Service[]): Promise<void>;
  /** `to` is a host or an address. Deny: twice no answer within 400 ms; reject: a RST or an ICMP error. */
  probe(from: string, to: string, service: Service | 'icmp', family?: Family): Promise<Outcome>;
  connect(from: string, to: string, service: Service, family?: Family): Promise<Flow>;
  /** Probes every 20 ms, each with a flow of its own, until stopped. */
  watch(from: string, to: string, service: Service, family?: Family): Promise<{ stop(): Promise<Watched> }>;
  /** Creates the interface pair of a workload that was not plugged. */
  plug(workload: string): Promise<void>;
  unplug(workload: string): Promise<void>;
  /** Starts the daemon on the node and waits until it is ready. Several with names of their own may run. */
  startAgent(options: AgentOptions & { readonly name?: string }): Promise<Agent>;
  close(): Promise<void>;
}

const WAIT_MS = 400;
const WATCH_EVERY_MS = 20;
const COMMAND_MS = 30_000;

let count = 0;

/** Builds a lab (about a second). Needs root, or root of a user namespace with a /run of its own. */
export async function createLab(spec: LabSpec = {}): Promise<Lab> {
  if (count === 0) reapDeadLabs();
  const prefix = namespacePrefix(count++);
  const directory = mkdtempSync(join(tmpdir(), prefix));
  const traffic = new Map<string, TrafficClient>();
  const agents: Agent[] = [];
  const remove = cleanUpAtExit(() => {
    for (const client of traffic.values()) client.end();
    removeNamespaces((name) => name.startsWith(prefix));
    rmSync(directory, { recursive: true, force: true });
  });

  const topology = topologyOf(spec);
  const { fabric, node, clients, workloads } = topology;
  const hosts = new Map([fabric, node, ...clients, ...workloads].map((host) => [host.name, host]));
  const namespace = (host: string) => `${prefix}${host}`;
  const exec: Lab['exec'] = (host, argv, options = {}) => run(inNamespace(namespace(host), argv), options);
  const must: Lab['must'] = (host, argv, options = {}) => succeed(inNamespace(namespace(host), argv), options, host);
  const applyAll = async (batches: readonly Batch[]) => {
    for (const { host, lines } of batches) {
      await succeed(['ip', '-n', namespace(host), '-batch', '-'], { input: `${lines.join('\n')}\n` }, host);
    }
  };
  const workloadCalled = (name: string) => {
    const workload = workloads.find((candidate) => candidate.name === name);
    if (workload === undefined) throw new Error(`the lab has no workload ${name}`);
    return workload;
  };
  const clientOf = (host: string) => {
    const client = traffic.get(host);
    if (client === undefined) throw new Error(`the lab has no host ${host}`);
    return client;
  };
  const address: Lab['address'] = (to, from, family = 4) => addressOf(hosts, to, from, family);
  const target = (from: string, to: string, service: Service, family?: Family): Target => {
    const { protocol, port } = parseService(service);
    return { protocol, port, address: address(to, from, family), waitMs: WAIT_MS };
  };
  const plug = (name: string) => applyAll(plugging(topology, workloadCalled(name), namespace));

  const lab: Lab = {
    directory,
    hosts,
    namespace,
    address,
    exec,
    must,
    plug,
    serve: async (host, services) => {
      const parsed = services.map(parseService);
      const ports = (wanted: Transport) => parsed.filter((s) => s.protocol === wanted).map(({ port }) => port);
      await clientOf(host).ask('serve', { tcp: ports('tcp'), udp: ports('udp') });
    },
    probe: async (from, to, service, family) => {
      if (service !== 'icmp') return clientOf(from).ask('probe', target(from, to, service, family));
      const { exitCode, stderr } = await exec(from, ['ping', '-n', '-c1', '-W1', address(to, from, family)]);
      if (exitCode === 0 || exitCode === 1) return exitCode === 0 ? 'allow' : 'deny';
      throw new Error(`${from}: ping ${to}: ${stderr.trim()}`);
    },
    connect: async (from, to, service, family) => {
      const flow = `flow${count++}`;
      const opened = await clientOf(from).ask('open', { flow, ...target(from, to, service, family) });
      if (!opened) throw new Error(`no connection from ${from} to ${to} ${service}`);
      return {
        alive: () => clientOf(from).ask('talk', { flow, waitMs: 1000 }),
        close: async () => {
          await clientOf(from).ask('close', { flow });
        },
      };
    },
    watch: async (from, to, service, family) => {
      const watch = `watch${count++}`;
      await clientOf(from).ask('watch', { watch, everyMs: WATCH_EVERY_MS, ...target(from, to, service, family) });
      return { stop: () => clientOf(from).ask('unwatch', { watch }) };
    },
    unplug: async (name) => {
      await applyAll([{ host: NODE, lines: [`link del ${workloadCalled(name).nodeInterface}`] }]);
    },
    startAgent: async ({ name = 'agent', ...options }) => {
      const agent = createAgent(namespace(NODE), NODE, join(directory, name), options);
      agents.push(agent);
      await agent.start();
      return agent;
    },
    close: async () => {
      await Promise.all(agents.map((agent) => agent.kill()));
      remove();
    },
  };
  try {
    await succeed(
      ['ip', '-batch', '-'],
      { input: [...hosts.keys()].map((h) => `netns add ${namespace(h)}\n`).join('') },
      'ip',
    );
    const script = await trafficScript(directory);
    for (const host of hosts.values()) {
      const client = startTraffic(host.name, inNamespace(namespace(host.name), [process.execPath, script]));
      traffic.set(host.name, client);
    }
    await Promise.all([...hosts.values()].map((h) => clientOf(h.name).ask('sysctl', { set: sysctls(h.kind) })));
    await applyAll(wiring(topology, namespace));
    for (const workload of workloads) if (workload.plugged) await plug(workload.name);
    return lab;
  } catch (error) {
    remove();
    throw error;
  }
}

function addressOf(hosts: Lab['hosts'], to: string, from: string | undefined, family: Family): string {
  if (/[.:]/.test(to)) return to;
  const net = hosts.get(from ?? '')?.interfaces[0]?.net;
  const interfaces = hosts.get(to)?.interfaces ?? [];
  const chosen = interfaces.find((candidate) => candidate.net === net) ?? interfaces[0];
  if (chosen === undefined) throw new Error(`the lab has no host ${to} with an address`);
  return family === 4 ? chosen.ipv4 : chosen.ipv6;
}

function parseService(service: Service): { readonly protocol: Transport; readonly port: number } {
  const [protocol, port] = service.split('/');
  return { protocol: protocol === 'udp' ? 'udp' : 'tcp', port: Number(port) };
}

interface Input {
  readonly input?: string;
}

async function run([command = '', ...args]: readonly string[], { input = '' }: Input): Promise<CommandResult> {
  const env = { PATH: systemPath() };
  const options = { reject: false, timeout: COMMAND_MS, input, env, stripFinalNewline: false } as const;
  const { stdout, stderr, exitCode } = await execa(command, args, options);
  return { stdout, stderr, exitCode };
}

async function succeed(argv: readonly string[], input: Input, where: string): Promise<string> {
  const { stdout, stderr, exitCode } = await run(argv, input);
  if (exitCode !== 0) throw new Error(`${where}: ${argv.join(' ')}: ${stderr.trim() || `exit status ${exitCode}`}`);
  return stdout;
}
