/** What a lab is made of; every part has a default. */
export interface LabSpec {
  /** Hosts on net0 (names that begin with x) and on net1 (y). Default: x0 and y0. */
  readonly clients?: readonly string[];
  readonly workloads?: readonly WorkloadSpec[];
  /** False: IPv6 neighbours are not configured but discovered, so a policy can block them. Default: true. */
  readonly staticNeighbours?: boolean;
}

export interface WorkloadSpec {
  readonly name: string;
  /** Default: `cali` and the name. */
  readonly interfaceName?: string;
  /** False: its interface does not exist until `plug`. Default: true. */
  readonly plugged?: boolean;
}

export type Family = 4 | 6;

/** A namespace of the lab. */
export interface Host {
  readonly name: string;
  readonly kind: 'fabric' | 'node' | 'client' | 'workload';
  readonly interfaces: readonly Interface[];
}

export interface Interface {
  readonly name: string;
  /** The bridge it is connected to; undefined for the interface of a workload, which ends in the node. */
  readonly net: Net | undefined;
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

export type Net = 0 | 1;

export interface Workload extends Host {
  readonly kind: 'workload';
  /** Its end of the cable in the node. */
  readonly nodeInterface: string;
  readonly plugged: boolean;
}

export interface Topology {
  readonly fabric: Host;
  readonly node: Host;
  readonly clients: readonly Host[];
  readonly workloads: readonly Workload[];
  readonly staticNeighbours: boolean;
}

/** The name that the node has for Calico and in the lab. */
export const NODE = 'node0';
const FABRIC = 'fabric';
/** Calico gives all host ends this address, and workloads these gateways. */
const HOST_MAC = 'ee:ee:ee:ee:ee:ee';
const GATEWAYS = ['169.254.1.1', 'fe80::ecee:eeff:feee:eeee'] as const;
const WORKLOAD_NETS = ['10.65.0.0/24', 'fd65::/64'] as const;

/** The hosts and addresses of a lab: node .10, clients from .20, workloads from 10.65.0.2 and fd65::2. */
export function topologyOf(spec: LabSpec): Topology {
  const { clients = ['x0', 'y0'], workloads = [], staticNeighbours = true } = spec;
  return {
    fabric: { name: FABRIC, kind: 'fabric', interfaces: [] },
    node: { name: NODE, kind: 'node', interfaces: [onNet('eth0', 0, 10), onNet('eth1', 1, 10)] },
    clients: clients.map((name, i) => {
      if (!/^[xy]\d$/.test(name)) throw new Error(`a client is called x0..x9 or y0..y9, not ${name}`);
      return { name, kind: 'client', interfaces: [onNet('eth0', name.startsWith('x') ? 0 : 1, 20 + i)] };
    }),
    workloads: workloads.map((workload, i) => workloadOf(workload, 2 + i)),
    staticNeighbours,
  };
}

function onNet(name: string, net: Net, octet: number): Interface {
  return {
    name,
    net,
    mac: `02:00:ac:1f:0${net}:${octet}`,
    ipv4: `172.31.${net}.${octet}`,
    ipv6: `fd31:${net === 0 ? '' : net}::${octet}`.replace(':::', '::'),
  };
}

function workloadOf({ name, interfaceName, plugged = true }: WorkloadSpec, octet: number): Workload {
  const mac = `02:00:0a:41:00:${octet.toString(16).padStart(2, '0')}`;
  return {
    name,
    kind: 'workload',
    nodeInterface: interfaceName ?? `cali${name}`,
    plugged,
    interfaces: [{ name: 'eth0', net: undefined, mac, ipv4: `10.65.0.${octet}`, ipv6: `fd65::${octet.toString(16)}` }],
  };
}

/** Commands for `ip -batch`; each list runs in the namespace of that host, in this order. */
export interface Batch {
  readonly host: string;
  readonly lines: readonly string[];
}

/** The commands that connect and configure everything but the workloads. `namespace` gives a host's namespace. */
export function wiring(topology: Topology, namespace: (host: string) => string): Batch[] {
  const hosts = [topology.node, ...topology.clients];
  const cables = hosts.flatMap((host) => host.interfaces.map((end) => ({ host, end })));
  const fabric = [
    'link set lo up',
    ...[0, 1].flatMap((net) => [
      `link add name net${net} type bridge stp_state 0 mcast_snooping 0`,
      `link set net${net} up`,
    ]),
    ...cables.flatMap(({ host, end }) => {
      const port = `${host.name}-${end.name}`;
      const peer = `peer name ${end.name} address ${end.mac} netns ${namespace(host.name)}`;
      return [`link add ${port} type veth ${peer}`, `link set ${port} master net${end.net} up`];
    }),
  ];
  return [
    { host: FABRIC, lines: fabric },
    ...hosts.map((host) => ({ host: host.name, lines: configuration(topology, host) })),
    ...topology.workloads.map(({ name }) => ({ host: name, lines: ['link set lo up'] })),
  ];
}

function configuration(topology: Topology, host: Host): string[] {
  const lines = ['link set lo up'];
  for (const { name, ipv4, ipv6 } of host.interfaces) {
    lines.push(`address add ${ipv4}/24 dev ${name}`, `address add ${ipv6}/64 dev ${name}`, `link set ${name} up`);
  }
  if (host.kind === 'client') lines.push(...clientRoutes(topology, host));
  return topology.staticNeighbours ? [...lines, ...neighbours(topology, host)] : lines;
}

/** Everything that is not on its own net is behind the node. */
function clientRoutes({ node }: Topology, { interfaces: [own] }: Host): string[] {
  const via = node.interfaces.find(({ net }) => net === own?.net);
  const other = node.interfaces.find(({ net }) => net !== own?.net);
  if (via === undefined || other === undefined) return [];
  const [workloads4, workloads6] = WORKLOAD_NETS;
  return [
    ...[workloads4, `172.31.${other.net}.0/24`].map((net) => `route add ${net} via ${via.ipv4}`),
    ...[workloads6, other.net === 0 ? 'fd31::/64' : `fd31:${other.net}::/64`].map(
      (net) => `route add ${net} via ${via.ipv6}`,
    ),
  ];
}

/**
 * Permanent IPv6 neighbours: a policy that blocks neighbour discovery must not blur what is tested. IPv4 needs none, the
 * agent's table never sees ARP.
 */
function neighbours({ node, clients }: Topology, host: Host): string[] {
  const others = [node, ...clients].filter(({ name }) => name !== host.name);
  return host.interfaces.flatMap((own) =>
    others
      .flatMap(({ interfaces }) => interfaces.filter(({ net }) => net === own.net))
      .map((other) => `neigh replace ${other.ipv6} lladdr ${other.mac} dev ${own.name} nud permanent`),
  );
}

/** The commands that create the interface pair of a workload, as a Calico CNI plugin would. */
export function plugging(topology: Topology, workload: Workload, namespace: (host: string) => string): Batch[] {
  const [own] = workload.interfaces;
  const [eth0] = topology.node.interfaces;
  if (own === undefined || eth0 === undefined) return [];
  const { nodeInterface, name } = workload;
  const [gateway4, gateway6] = GATEWAYS;
  const peer = `peer name ${own.name} address ${own.mac} netns ${namespace(name)}`;
  // The source address is the node's on net0, whatever order the kernel keeps its interfaces in.
  const nodeLines = [
    `route replace ${own.ipv4}/32 dev ${nodeInterface} scope link src ${eth0.ipv4}`,
    `route replace ${own.ipv6}/128 dev ${nodeInterface} src ${eth0.ipv6}`,
    ...(topology.staticNeighbours
      ? [`neigh replace ${own.ipv6} lladdr ${own.mac} dev ${nodeInterface} nud permanent`]
      : []),
  ];
  return [
    {
      host: NODE,
      lines: [`link add ${nodeInterface} address ${HOST_MAC} type veth ${peer}`, `link set ${nodeInterface} up`],
    },
    {
      host: name,
      lines: [
        `address add ${own.ipv4}/32 dev ${own.name}`,
        `address add ${own.ipv6}/128 dev ${own.name}`,
        `link set ${own.name} up`,
        ...GATEWAYS.map((gateway) => `neigh replace ${gateway} lladdr ${HOST_MAC} dev ${own.name} nud permanent`),
        `route add ${gateway4} dev ${own.name} scope link`,
        `route add default via ${gateway4}`,
        `route add default via ${gateway6} dev ${own.name}`,
      ],
    },
    { host: NODE, lines: nodeLines },
  ];
}

/** What is written below /proc/sys of every namespace before it has interfaces. */
export function sysctls(kind: Host['kind']): Record<string, string> {
  const perInterface = {
    'ipv4/conf/*/rp_filter': '0',
    'ipv4/conf/*/send_redirects': '0',
    'ipv4/conf/*/accept_redirects': '0',
    'ipv6/conf/*/accept_redirects': '0',
    'ipv6/conf/*/accept_dad': '0',
    'ipv6/conf/*/accept_ra': '0',
    'ipv6/conf/*/router_solicitations': '0',
    'ipv6/conf/*/disable_ipv6': '0',
  };
  const set: Record<string, string> = { 'net/ipv4/icmp_ratelimit': '0', 'net/ipv6/icmp/ratelimit': '0' };
  for (const [key, value] of Object.entries(perInterface)) {
    for (const scope of ['all', 'default']) set[`net/${key.replace('*', scope)}`] = value;
  }
  if (kind === 'node') Object.assign(set, { 'net/ipv4/ip_forward': '1', 'net/ipv6/conf/all/forwarding': '1' });
  return set;
}
