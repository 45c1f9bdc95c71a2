import { translator } from '../../evaluate/nat.js';
import type { Packet } from '../../evaluate/packet.js';
import type { Interfaces } from '../../interfaces/interface-source.js';
import type { HostPolicy } from '../../policy/host-policy.js';
import { type Endpoint, type PacketOptions, type ReadPacket, wrong } from './packet-options.js';

/** One packet, or over loopback the same one twice: as it is sent and as it comes in. */
export interface RoutedPacket {
  readonly packets: readonly Packet[];
  readonly assumed: readonly string[];
}

/** What the addresses of host and workloads say about an address. */
interface Place {
  readonly kind: 'host' | 'workload' | 'everyone' | 'elsewhere';
  /** Where that is clear. */
  readonly interface?: string | undefined;
}

/**
 * Which way a packet takes through this host. Routes are not looked at: an address of the host or of one of its workloads
 * tells the interface, any other must be given.
 * @throws SettingsError that says which option is needed
 */
export function routePacket(
  read: ReadPacket,
  given: Pick<PacketOptions, 'in' | 'out'>,
  policy: HostPolicy,
  interfaces: Interfaces,
): RoutedPacket {
  const assumed = [...read.assumed];
  const packet = translated(packetOf(read), policy, assumed);
  const target: Endpoint = { address: packet.destination, port: packet.destinationPort };
  const [from, to] = [placeOf(read.from, policy, interfaces), placeOf(target, policy, interfaces)];
  const sent = from.kind === 'host' && given.in === undefined;
  const delivered = (to.kind === 'host' || (to.kind === 'everyone' && !sent)) && given.out === undefined;

  const over = (direction: 'in' | 'out', place: Place, { address }: Endpoint): string => {
    const chosen = given[direction];
    if (chosen !== undefined) return chosen;
    if (place.interface === undefined || place.interface === 'lo') throw unknownInterface(direction, place, address);
    assumed.push(`${direction} over ${place.interface}, which has ${address}`);
    return place.interface;
  };
  // Towards a workload its interface tells more than the host's own address on the other end.
  const inInterface = () =>
    delivered && from.kind !== 'workload' ? over('in', to, target) : over('in', from, read.from);
  const outInterface = () => (sent && to.kind !== 'workload' ? over('out', from, read.from) : over('out', to, target));

  if (sent && delivered) {
    assumed.push('over lo, as both are addresses of this host');
    const out = { ...packet, path: 'out', outInterface: 'lo' } as const;
    return { packets: [out, { ...packet, path: 'in', inInterface: 'lo' }], assumed };
  }
  if (sent) return { packets: [{ ...packet, path: 'out', outInterface: outInterface() }], assumed };
  if (delivered) return { packets: [{ ...packet, path: 'in', inInterface: inInterface() }], assumed };
  const forwarded = { ...packet, path: 'forward', inInterface: inInterface(), outInterface: outInterface() } as const;
  return { packets: [forwarded], assumed };
}

/** What ipNATs of a workload make of it; what --dnat says goes before. */
function translated(packet: Packet, policy: HostPolicy, assumed: string[]): Packet {
  const after = translator(policy)(packet);
  if (after !== packet)
    assumed.push(`${packet.destination} is translated to ${after.destination} by the ipNATs of a workload`);
  return after;
}

function packetOf({ from, to, assumed: _, dnat, ...read }: ReadPacket): Packet {
  const target = dnat ?? to;
  const isTranslated = target.address !== to.address || target.port !== to.port;
  return {
    ...read,
    source: from.address,
    destination: target.address,
    sourcePort: from.port,
    destinationPort: target.port,
    ...(isTranslated ? { beforeDNAT: { destination: to.address, destinationPort: to.port } } : {}),
  };
}

function placeOf({ address }: Endpoint, { workloadEndpoints }: HostPolicy, interfaces: Interfaces): Place {
  const workload = workloadEndpoints.find(({ addresses }) => addresses.includes(address));
  if (workload) return { kind: 'workload', interface: workload.interface };
  if (/^(22[4-9]|23\d)\.|^255\.255\.255\.255$|^ff/.test(address)) return { kind: 'everyone' };
  if (address.startsWith('127.')) return { kind: 'host', interface: 'lo' };
  const own = [...interfaces.values()].filter(({ addresses }) => addresses.includes(address));
  if (own.length === 0) return { kind: 'elsewhere' };
  return { kind: 'host', interface: own.length === 1 ? own[0]?.name : undefined };
}

function unknownInterface(direction: 'in' | 'out', { kind }: Place, address: string): Error {
  const verb = direction === 'in' ? 'comes in' : 'leaves';
  const about = kind === 'elsewhere' ? 'is no address of this host or of one of its workloads' : 'does not tell it';
  return wrong(`--${direction}`, `say over which interface the packet ${verb}: ${address} ${about}`);
}
