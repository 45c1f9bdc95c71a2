import { readFileSync } from 'node:fs';
import type { Resource } from '../lab/resource-store.js';
import type { Watched } from '../lab/traffic.js';
import { startTraffic, type TrafficClient } from '../lab/traffic-client.js';
import { trafficScript } from '../lab/traffic-script.js';
import type { Machine } from './machine.js';
import type { Family, Place } from './scenarios.js';
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
const WORKLOAD_IPV6 = 'fd65::2';
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
    await node.sh(ipv6Script(node, await neighbours()));
    await node.sh(workloadScript(node.address));
    await start('node', node);
    await start('workload', node, ['ip', 'netns', 'exec', 'w0']);
  };
  /** Of all three, as the policies of the scenarios do not let neighbours be discovered. */
  const neighbours = () => Promise.all([node, peer, client].map(neighbour));
  const known = await neighbours();
  for (const outside of [peer, client]) {
    await outside.sh(ipv6Script(outside, known));
    await outside.must(['ip', 'route', 'replace', `${WORKLOAD}/32`, 'via', node.address, 'dev', NIC]);
    await outside.must(['ip', 'route', 'replace', `${WORKLOAD_IPV6}/128`, 'via', ipv6(node.address), 'dev', NIC]);
  }
  await start('peer', peer);
  await start('client', client);
  await startNode();

  const ipv4 = { node: node.address, peer: peer.address, client: client.address, workload: WORKLOAD };
  const address = (place: Place, family: Family = 4) =>
    family === 4 ? ipv4[place] : place === 'workload' ? WORKLOAD_IPV6 : ipv6(ipv4[place]);
  return {
    node,
    peer,
    client,
    facts: {
      node: node.name,
      nic: NIC,
      workloadInterface: 'caliw0',
      address,
    },
    apply: async (resources) => {
      await node.put(RESOURCES, documents(resources));
      await node.must(['margay', 'status', `--wait=${30 * node.slowness}`]);
    },
    probe: (from, to, protocol, port, family) =>
      ask(from).ask('probe', { protocol, port, address: address(to, family), waitMs }),
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

/** 10.88.0.11 is fd88::11, too. */
function ipv6(address: string): string {
  return `fd88::${address.split('.')[3]}`;
}

interface Neighbour {
  readonly address: string;
  readonly mac: string;
}

async function neighbour(machine: Machine): Promise<Neighbour> {
  const [link] = JSON.parse(await machine.must(['ip', '-j', 'link', 'show', 'dev', NIC]));
  return { address: ipv6(machine.address), mac: link.address };
}

function ipv6Script({ address }: Machine, known: readonly Neighbour[]): string {
  const others = known.filter((other) => other.address !== ipv6(address));
  const lines = others.map((other) => `ip neigh replace ${other.address} lladdr ${other.mac} dev ${NIC} nud permanent`);
  // What is set before its network service has configured the interface would be removed by that.
  const configured = `until ip -br address show dev ${NIC} | grep -q ' ${address}/'; do sleep 0.1; done`;
  return [configured, `ip address replace ${ipv6(address)}/64 dev ${NIC} nodad`, ...lines].join('\n');
}

/** A namespace of the node with an interface pair as a Calico CNI plugin makes it. */
function workloadScript(source: string): string {
  return `
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0
ip netns add w0
ip link add caliw0 address ee:ee:ee:ee:ee:ee type veth peer name eth0 netns w0
ip link set caliw0 up
ip -n w0 link set lo up
ip -n w0 address add ${WORKLOAD}/32 dev eth0
ip -n w0 address add ${WORKLOAD_IPV6}/128 dev eth0 nodad
ip -n w0 link set eth0 up
ip -n w0 neigh replace 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent
ip -n w0 route add 169.254.1.1 dev eth0 scope link
ip -n w0 route add default via 169.254.1.1
ip -n w0 neigh replace fe80::ecee:eeff:feee:eeee lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent
ip -n w0 route add default via fe80::ecee:eeff:feee:eeee dev eth0
ip route replace ${WORKLOAD}/32 dev caliw0 scope link src ${source}
ip route replace ${WORKLOAD_IPV6}/128 dev caliw0 src ${ipv6(source)}
`;
}
