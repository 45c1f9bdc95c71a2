import type { Packet } from '../evaluate/packet.js';
import type { Interfaces } from '../interfaces/interface-source.js';
import type { HostPolicy } from '../policy/host-policy.js';
import { type Endpoint, type PacketOptions, type ReadPacket, wrong } from './packet-options.js';

/** One packet, or over loopback the same one twice: as it is sent and as it comes in. */
export interface RoutedPacket {
  readonly packets: readonly Packet[];
  readonly assumed: readonly string[];
}

/** What the addresses of host and workloads say about an address. */
interface Place {
  readonly kind: 'host' | 'workload' | 'elsewhere';
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
  const target = targetOf(read, policy, assumed);
  const [from, to] = [placeOf(read.from, policy, interfaces), destinationPlace(target, policy, interfaces)];
  const sent = from.kind === 'host' && given.in === undefined;
  const delivered = to.kind === 'host' && given.out === undefined;
  const packet = packetOf(read, target);

  const over = (kind: 'in' | 'out', place: Place, endpoint: Endpoint): string => {
    const chosen = given[kind];
    if (chosen !== undefined) return chosen;
    if (place.interface === undefined || place.interface === 'lo') throw unknownInterface(kind, place, endpoint);
    assumed.push(`${kind} over ${place.interface}, which has ${endpoint.address}`);
    return place.interface;
  };
  const inInterface = () => over('in', from.kind === 'workload' || !delivered ? workloadOnly(from) : to, arrival());
  const outInterface = () => over('out', to.kind === 'workload' || !sent ? workloadOnly(to) : from, departure());
  const arrival = () => (from.kind === 'workload' || !delivered ? read.from : target);
  const departure = () => (to.kind === 'workload' || !sent ? target : read.from);

  if (sent && delivered) {
    assumed.push('over lo, as both are addresses of this host');
    return {
      packets: [
        { ...packet, path: 'out', outInterface: 'lo' },
        { ...packet, path: 'in', inInterface: 'lo' },
      ],
      assumed,
    };
  }
  if (sent) return { packets: [{ ...packet, path: 'out', outInterface: outInterface() }], assumed };
  if (delivered) return { packets: [{ ...packet, path: 'in', inInterface: inInterface() }], assumed };
  const forwarded = { ...packet, path: 'forward', inInterface: inInterface(), outInterface: outInterface() } as const;
  return { packets: [forwarded], assumed };
}

/** Where it goes in the end: what --dnat says, else what ipNATs of a workload make of it. */
function targetOf({ to, dnat }: ReadPacket, { nats }: HostPolicy, assumed: string[]): Endpoint {
  if (dnat) return dnat;
  const nat = nats.find(({ external }) => external === to.address);
  if (!nat) return to;
  assumed.push(`${to.address} is translated to ${nat.internal} by the ipNATs of a workload`);
  return { ...to, address: nat.internal };
}

function packetOf({ from, to, assumed: _, dnat: __, ...read }: ReadPacket, target: Endpoint): Packet {
  const translated = target.address !== to.address || target.port !== to.port;
  return {
    ...read,
    source: from.address,
    destination: target.address,
    sourcePort: from.port,
    destinationPort: target.port,
    ...(translated ? { beforeDNAT: { destination: to.address, destinationPort: to.port } } : {}),
  };
}

function placeOf({ address }: Endpoint, { workloadEndpoints }: HostPolicy, interfaces: Interfaces): Place {
  const workload = workloadEndpoints.find(({ addresses }) => addresses.includes(address));
  if (workload) return { kind: 'workload', interface: workload.interface };
  if (address.startsWith('127.')) return { kind: 'host', interface: 'lo' };
  const own = [...interfaces.values()].filter(({ addresses }) => addresses.includes(address));
  if (own.length === 0) return { kind: 'elsewhere' };
  return { kind: 'host', interface: own.length === 1 ? own[0]?.name : undefined };
}

/** Broadcasts and multicasts concern the host too; which interface they come over nobody knows. */
function destinationPlace(target: Endpoint, policy: HostPolicy, interfaces: Interfaces): Place {
  const toAll = /^(22[4-9]|23\d)\.|^255\.255\.255\.255$|^ff/.test(target.address);
  return toAll ? { kind: 'host' } : placeOf(target, policy, interfaces);
}

function workloadOnly(place: Place): Place {
  return place.kind === 'workload' ? place : { kind: place.kind };
}

function unknownInterface(kind: 'in' | 'out', { kind: place }: Place, { address }: Endpoint): Error {
  const verb = kind === 'in' ? 'comes in' : 'leaves';
  const about =
    place === 'host'
      ? `${address} does not tell it`
      : `${address} is no address of this host or of one of its workloads`;
  return wrong(`--${kind}`, `say over which interface the packet ${verb}: ${about}`);
}
