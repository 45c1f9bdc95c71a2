import { readFileSync } from 'node:fs';
import type { Resource } from '../lab/resource-store.js';
import type { Watched } from '../lab/traffic.js';
import { startTraffic, type TrafficClient } from '../lab/traffic-client.js';
import { trafficScript } from '../lab/traffic-script.js';
import type { Machine } from './machine.js';
import type { Place } from './scenarios.js';
import { PORTS, type Site } from './site.js';

/** A site made of machines. */
export interface MachineSite extends Site {
  readonly node: Machine;
  readonly peer: Machine;
  readonly client: Machine;
  /** Starts the node again, and then its probe program and its workload. */
  restartNode(how: 'reboot' | 'powerCut'): Promise<void>;
  /** Probes the node from the client every 20 ms, each with a connection of its own, until stopped. */
  watch(port: number): Promise<{ stop(): Promise<Watched> }>;
  close(): void;
}

export const NIC = 'eth1';
export const RESOURCES = '/etc/margay/resources.d/e2e.yaml';
const WORKLOAD = '10.65.0.2';
const PROGRAM = '/run/margay-e2e-traffic.mjs';

/** Waits for an answer: a virtual machine without hardware support is slow. */
interface Patience {
  readonly waitMs: number;
}

/** Puts the probe program on the machines and gives the node a workload. */
export async function createMachineSite(
  { node, peer, client }: Record<'node' | 'peer' | 'client', Machine>,
  directory: string,
  { waitMs }: Patience,
): Promise<MachineSite> {
  const program = readFileSync(await trafficScript(directory), 'utf8');
  const talking = new Map<Place, TrafficClient>();
  const ask = (place: Place) => {
    const found = talking.get(place);
    if (found === undefined) throw new Error(`no probe program in ${place}`);
    return found;
  };
  const start = async (place: Place, machine: Machine, inside: readonly string[] = []) => {
    talking.get(place)?.end();
    await machine.must(['sh', '-c', `cat >${PROGRAM}`], { input: program });
    const traffic = startTraffic(place, machine.enter([...inside, 'node', PROGRAM]));
    talking.set(place, traffic);
    await traffic.ask('serve', PORTS);
  };
  const startNode = async () => {
    await node.sh(workloadScript(node.address));
    await start('node', node);
    await start('workload', node, ['ip', 'netns', 'exec', 'w0']);
  };
  for (const outside of [peer, client]) {
    await outside.must(['ip', 'route', 'replace', `${WORKLOAD}/32`, 'via', node.address, 'dev', NIC]);
  }
  await start('peer', peer);
  await start('client', client);
  await startNode();

  const addresses = { node: node.address, peer: peer.address, client: client.address, workload: WORKLOAD };
  return {
    node,
    peer,
    client,
    facts: {
      node: node.name,
      nic: NIC,
      workloadInterface: 'caliw0',
      address: (place) => addresses[place],
    },
    apply: async (resources) => {
      await node.put(RESOURCES, documents(resources));
      await node.must(['margay', 'status', '--wait=30']);
    },
    probe: (from, to, protocol, port) => ask(from).ask('probe', { protocol, port, address: addresses[to], waitMs }),
    restartNode: async (how) => {
      // A shut-down would wait for processes that are not children of its systemd.
      for (const place of ['node', 'workload'] as const) ask(place).end();
      await node[how]();
      await startNode();
    },
    watch: async (port) => {
      const target = { protocol: 'tcp', address: node.address, port, waitMs } as const;
      await ask('client').ask('watch', { watch: `port ${port}`, everyMs: 20, ...target });
      return { stop: () => ask('client').ask('unwatch', { watch: `port ${port}` }) };
    },
    close: () => {
      for (const traffic of talking.values()) traffic.end();
    },
  };
}

/** Resources as a file of the datastore. */
export function documents(resources: readonly Resource[]): string {
  return resources
    .map((resource) => JSON.stringify({ apiVersion: 'projectcalico.org/v3', ...resource }))
    .join('\n---\n');
}

/** A namespace of the node with an interface pair as a Calico CNI plugin makes it. */
function workloadScript(source: string): string {
  return `
sysctl -qw net.ipv4.ip_forward=1
ip netns add w0
ip link add caliw0 address ee:ee:ee:ee:ee:ee type veth peer name eth0 netns w0
ip link set caliw0 up
ip -n w0 link set lo up
ip -n w0 address add ${WORKLOAD}/32 dev eth0
ip -n w0 link set eth0 up
ip -n w0 neigh replace 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent
ip -n w0 route add 169.254.1.1 dev eth0 scope link
ip -n w0 route add default via 169.254.1.1
ip route replace ${WORKLOAD}/32 dev caliw0 scope link src ${source}
`;
}
