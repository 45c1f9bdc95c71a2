import { addressNumber, addressText, type Family, familyOf } from './address.js';
import { type Aim, addressEdges, aimsOf, type Edges } from './aim.js';
import { hasPorts, ICMP, ICMPV6, isNeverTracked, type Packet, type State, TCP, UDP } from './packet.js';
import type { Random } from './random.js';
import { random } from './random.js';
import { INTERFACES, isRoutable, LOCAL_ADDRESSES, placeOf, routeTo, VIRTUAL } from './topology.js';
import { endpointInterfaces, externalAddresses, type World } from './world.js';
import { LOOSE_NETS } from './world-rules.js';

/** `kernel`: only what can be made to happen in a network namespace without a second host. */
export type PacketKind = 'any' | 'kernel';

const LOOPBACK: readonly string[] = ['127.0.0.1', '::1'];
const EXTRA = [
  '10.0.0.5',
  '10.0.0.6',
  '10.1.0.7',
  '10.65.0.2',
  '10.65.0.3',
  '10.65.0.9',
  '198.51.100.7',
  '10.5.0.7',
  '10.65.1.1',
  '10.65.0.33',
];
const EXTRA_6 = [
  'fd00::5',
  'fd00::6',
  'fd01::7',
  'fd65::2',
  'fd65::3',
  'fd65::9',
  '2001:db8::7',
  'fd05::7',
  'fd65:0:0:1::1',
];

/** First, last and next addresses of all networks that worlds are made of, and those of the topology. */
const CANDIDATES: Readonly<Record<Family, readonly string[]>> = { 4: candidates(4), 6: candidates(6) };

function candidates(family: Family): string[] {
  const edges = LOOSE_NETS.filter((net) => familyOf(net) === family).flatMap(addressEdges);
  const favourites = family === 4 ? EXTRA : EXTRA_6;
  const all = [...new Set([...favourites, ...edges])].filter(isRoutable);
  return [...all, ...favourites, ...favourites, ...favourites];
}

const SOURCES = ['eth0', 'eth0', 'eth1', 'tap5', 'cali0', 'cali0', 'cali1', 'cali9', undefined, undefined, undefined];
const PORTS = [22, 53, 80, 81, 79, 443, 444, 1000, 999, 2000, 2001, 8080, 4789, 65535, 1, 0, 179];

/** Packets that aim at the edges of what the world's rules say; always the same for a world. */
export function randomPackets(world: World, count: number, kind: PacketKind): Packet[] {
  const choose = random(world.seed ^ 0x5eed);
  const aims = aimsOf(world);
  const portAims = aims.filter(({ protocol, destination }) => protocol !== undefined && destination.ports.length > 0);
  const externals = externalAddresses(world);
  const guarded = endpointInterfaces(world).filter((name) => name in BEHIND[4] && name !== 'lo');
  return Array.from({ length: count }, () => {
    const among = portAims.length > 0 && choose.chance(0.4) ? portAims : aims;
    const aim = among.length > 0 && choose.chance(0.8) ? choose.pick(among) : undefined;
    const names = guarded.length > 0 && choose.chance(0.8) ? guarded : undefined;
    const external = externals.length > 0 && choose.chance(0.15) ? choose.pick(externals) : undefined;
    return randomPacket(choose, kind, aim, names, external);
  });
}

function randomPacket(
  choose: Random,
  kind: PacketKind,
  aim: Aim | undefined,
  names: readonly string[] | undefined,
  external: string | undefined,
): Packet {
  const family = external ? familyOf(external) : familyFor(choose, aim);
  const { iif, towards } = wayFor(choose, names, external, aim);
  if (iif !== undefined && choose.chance(0.04)) return onLink(choose, family, iif, kind);
  const virtual = external
    ? virtualFor(family, iif).find(({ from }) => from === external)
    : choose.chance(0.12)
      ? choose.pick(virtualFor(family, iif))
      : undefined;
  const destination =
    external ??
    virtual?.from ??
    aimed(choose, family, aim?.destination) ??
    destinationFor(choose, family, iif, towards);
  const source =
    (iif !== undefined && !(iif in WORKLOAD_SOURCES) && aimed(choose, family, aim?.source)) ||
    sourceFor(choose, family, iif);
  const header = transport(choose, family, kind, aim);
  const base: Packet = {
    ...placeOf(iif, destination),
    family,
    source,
    destination,
    ...header,
    hopLimit: choose.pick([64, 64, 255]),
    state: stateFor(choose, { ...header, family }, kind, virtual !== undefined),
    mark: markFor(choose),
  };
  if (!virtual || (base.state !== 'new' && base.state !== 'established')) return base;
  const dport = hasPorts(header) ? virtual.dport : undefined;
  const { path, oif } = placeOf(iif, virtual.to);
  return { ...base, dnat: { destination: virtual.to, dport, path, oif } };
}

/** The one that the rule has addresses of, if there is only one. */
function familyFor(choose: Random, aim: Aim | undefined): Family {
  const families = ([4, 6] as const).filter((family) =>
    [aim?.source, aim?.destination].some((edges) => (edges?.addresses[family] ?? []).length > 0),
  );
  const [only] = families;
  return only && families.length === 1 && choose.chance(0.8) ? only : choose.pick([4, 4, 4, 6, 6] as const);
}

/** From where to where, as interfaces; `host`: to the host itself. */
interface Way {
  readonly iif: string | undefined;
  readonly towards?: string | undefined;
}

/**
 * On its way to or from an endpoint, as the rule that it is for; what is sent to an external address often comes from a workload:
 * it may be its own.
 */
function wayFor(
  choose: Random,
  names: readonly string[] | undefined,
  external: string | undefined,
  aim: Aim | undefined,
): Way {
  if (external !== undefined && choose.chance(0.3)) return { iif: choose.pick(Object.keys(WORKLOAD_SOURCES)) };
  if (!names || choose.chance(0.2)) return { iif: choose.pick(SOURCES) };
  const sources = SOURCES.filter((name) => name === undefined || !(name in WORKLOAD_SOURCES) || names.includes(name));
  const endpoint = choose.pick(names);
  if (endpoint in WORKLOAD_SOURCES)
    return aim?.direction === 'ingress' ? { iif: choose.pick(sources), towards: endpoint } : { iif: endpoint };
  const isForwarded = choose.chance(aim?.onForward === false ? 0.15 : 0.6);
  if (aim?.direction === 'egress') return { iif: isForwarded ? choose.pick(sources) : undefined, towards: endpoint };
  return { iif: endpoint, towards: isForwarded ? choose.pick(names) : 'host' };
}

/** An address at the edge of a rule, if it has any that can be on this way. */
function aimed(choose: Random, family: Family, edges: Edges | undefined): string | undefined {
  const addresses = edges?.addresses[family] ?? [];
  if (addresses.length === 0 || choose.chance(0.3)) return undefined;
  const address = choose.pick(addresses);
  return isRoutable(address) && !LOCAL_ADDRESSES.includes(address) ? address : undefined;
}

/** Not from the host to itself: on that way a packet is translated and routed twice. */
function virtualFor(family: Family, iif: string | undefined) {
  return VIRTUAL.filter(
    ({ from, to }) => familyOf(from) === family && (iif !== undefined || routeTo(to) !== undefined),
  );
}

const LOCAL: Readonly<Record<Family, readonly string[]>> = { 4: localAddresses(4), 6: localAddresses(6) };
const REMOTE: Readonly<Record<Family, readonly string[]>> = { 4: remote(4), 6: remote(6) };

function localAddresses(family: Family): string[] {
  return LOCAL_ADDRESSES.filter((address) => familyOf(address) === family && !LOOPBACK.includes(address));
}

function remote(family: Family): string[] {
  return CANDIDATES[family].filter((address) => !LOCAL_ADDRESSES.includes(address));
}

/** Candidates by the interface that leads to them. */
const BEHIND: Readonly<Record<Family, Readonly<Record<string, readonly string[]>>>> = { 4: behind(4), 6: behind(6) };

function behind(family: Family): Readonly<Record<string, readonly string[]>> {
  const names = INTERFACES.map(({ name }) => name);
  return Object.fromEntries(names.map((name) => [name, REMOTE[family].filter((address) => routeTo(address) === name)]));
}

function destinationFor(choose: Random, family: Family, iif: string | undefined, towards: string | undefined): string {
  if (towards === 'host' ? choose.chance(0.8) : choose.chance(0.15)) return choose.pick(LOCAL[family]);
  if (iif === undefined && choose.chance(0.05)) return family === 4 ? '127.0.0.1' : '::1';
  const there = towards === undefined ? [] : (BEHIND[family][towards] ?? []);
  return choose.pick(there.length > 0 && choose.chance(0.8) ? there : CANDIDATES[family]);
}

const WORKLOAD_SOURCES: Readonly<Record<string, Readonly<Record<Family, string>>>> = {
  cali0: { 4: '10.65.0.2', 6: 'fd65::2' },
  cali1: { 4: '10.65.0.3', 6: 'fd65::3' },
  cali9: { 4: '10.65.0.9', 6: 'fd65::9' },
  tap5: { 4: '10.5.0.7', 6: 'fd05::7' },
};

function sourceFor(choose: Random, family: Family, iif: string | undefined): string {
  const own = WORKLOAD_SOURCES[iif ?? ''];
  if (own && choose.chance(0.9)) return own[family];
  if (iif === undefined) return choose.pick(LOCAL[family]);
  return choose.pick(REMOTE[family]);
}

type Transport = Pick<Packet, 'protocol' | 'sport' | 'dport' | 'icmp'>;

function transport(choose: Random, family: Family, kind: PacketKind, aim: Aim | undefined): Transport {
  const own = family === 4 ? ICMP : ICMPV6;
  const protocol =
    aim?.protocol !== undefined && choose.chance(0.8)
      ? aim.protocol
      : choose.pick([6, 6, 6, 6, 17, 17, 132, 253, 4, 1, 58, own, own, 136]);
  const sport = portFor(choose, aim?.source) ?? choose.pick(choose.chance(0.5) ? PORTS : [40_000]);
  const dport = portFor(choose, aim?.destination) ?? choose.pick(PORTS);
  if (protocol !== ICMP && protocol !== ICMPV6) return { protocol, sport, dport };
  const icmp = icmpFor(choose, family, kind, aim);
  // The checksum is where a port would be.
  return { protocol, icmp, sport: icmp.type * 256 + icmp.code, dport };
}

function portFor(choose: Random, edges: Edges | undefined): number | undefined {
  return edges && edges.ports.length > 0 && choose.chance(0.8) ? choose.pick(edges.ports) : undefined;
}

function icmpFor(choose: Random, family: Family, kind: PacketKind, aim: Aim | undefined) {
  const code = choose.pick([0, 0, 1]);
  if (aim?.icmp && choose.chance(0.6)) return { type: aim.icmp.type, code };
  const discovery = family === 6 && kind === 'any' ? [130, 131, 132, 133, 134, 135, 136, 143] : [];
  return {
    type: choose.pick([...(family === 4 ? [8, 8, 8, 0, 3, 13] : [128, 128, 128, 129, 1, 139]), ...discovery]),
    code,
  };
}

function stateFor(
  choose: Random,
  header: Pick<Packet, 'family' | 'protocol' | 'icmp'>,
  kind: PacketKind,
  virtual: boolean,
): State {
  if (isNeverTracked(header)) return 'untracked';
  if (kind === 'kernel') return kernelState(choose, header, virtual);
  if (choose.chance(0.7)) return 'new';
  return choose.pick(['established', 'related', 'invalid', 'invalid', 'untracked', 'untracked']);
}

/** States that one packet has by itself: requests are new, answers without a request and nonsense are invalid. */
function kernelState(
  choose: Random,
  { family, protocol, icmp }: Pick<Packet, 'family' | 'protocol' | 'icmp'>,
  virtual: boolean,
): State {
  // The other family's ICMP is nonsense for connection tracking.
  if (protocol === (family === 4 ? ICMPV6 : ICMP)) return 'invalid';
  const requests: readonly number[] = family === 4 ? [8, 13] : [128, 139];
  if (icmp) return requests.includes(icmp.type) ? 'new' : 'invalid';
  if (choose.chance(0.1)) return 'untracked';
  if (protocol === TCP && !virtual && choose.chance(0.15)) return 'invalid';
  if ((protocol === TCP || protocol === UDP) && choose.chance(0.12)) return 'established';
  return 'new';
}

function markFor(choose: Random): number {
  return choose.chance(0.8) ? 0 : choose.pick([0xffffffff, 0x10000, 0x10, 1]);
}

/** What stays on the link: address configuration, neighbour discovery, multicast listeners. */
function onLink(choose: Random, family: Family, iif: string, kind: PacketKind): Packet {
  const common = { path: 'in' as const, iif, mark: markFor(choose) };
  if (family === 4) {
    const destination =
      kind === 'kernel' ? '255.255.255.255' : choose.pick(['255.255.255.255', '224.0.0.1', '10.0.0.1']);
    return {
      ...common,
      family,
      source: '0.0.0.0',
      destination,
      protocol: UDP,
      sport: 68,
      dport: 67,
      hopLimit: 64,
      state: 'new',
    };
  }
  const source = choose.pick(['fe80::7', 'fe80::7', 'fe80:0:0:1::7', 'fec0::1', '::']);
  const header = {
    family,
    protocol: ICMPV6,
    icmp: { type: choose.pick([130, 131, 132, 133, 134, 135, 136, 143]), code: 0 },
  };
  return {
    ...common,
    ...header,
    source: addressText(6, addressNumber(source)),
    destination: 'ff02::1',
    sport: header.icmp.type * 256,
    dport: choose.pick(PORTS),
    hopLimit: choose.pick([255, 255, 1]),
    state: 'untracked',
  };
}
