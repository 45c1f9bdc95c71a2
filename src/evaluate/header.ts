import type { Family } from '../policy/host-policy.js';
import { type Address, readAddress } from './address.js';
import type { ConnectionState, Packet } from './packet.js';

/** What rules see of a packet at one hook. */
export interface Header {
  readonly family: Family;
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
  readonly icmpType: number | undefined;
  readonly icmpCode: number | undefined;
  readonly hopLimit: number | undefined;
}

export const UDP = 17;
export const ICMP: Readonly<Record<Family, number>> = { 4: 1, 6: 58 };
export const IPIP = 4;

/** TCP, UDP and SCTP: the ports of others can't be named in rules. */
const withPorts: ReadonlySet<number> = new Set([6, UDP, 132]);

/** The packet as it came, before DNAT, and as it goes on. NAT needs an entry of conntrack: without one both are the same. */
export interface Headers {
  readonly before: Header;
  readonly after: Header;
  readonly dnat: boolean;
}

/** @throws RangeError for addresses that are none of the packet's family. */
export function headersOf(packet: Packet): Headers {
  const { family, protocol, beforeDNAT } = packet;
  const ports = withPorts.has(protocol);
  const icmp = protocol === ICMP[family];
  const after: Header = {
    family,
    source: readAddress(packet.source, family),
    destination: readAddress(packet.destination, family),
    protocol,
    sourcePort: ports ? packet.sourcePort : undefined,
    destinationPort: ports ? packet.destinationPort : undefined,
    icmpType: icmp ? packet.icmpType : undefined,
    icmpCode: icmp ? packet.icmpCode : undefined,
    hopLimit: packet.hopLimit,
  };
  const before = beforeDNAT ? withDestination(after, beforeDNAT) : after;
  const tracked = isTracked(packet.state);
  const dnat = (packet.dnat ?? beforeDNAT !== undefined) && tracked;
  return { before, after: tracked ? after : before, dnat };
}

function withDestination(header: Header, { destination, destinationPort }: NonNullable<Packet['beforeDNAT']>): Header {
  return {
    ...header,
    destination: readAddress(destination, header.family),
    destinationPort: header.destinationPort === undefined ? undefined : (destinationPort ?? header.destinationPort),
  };
}

function isTracked(state: ConnectionState): boolean {
  return state !== 'untracked' && state !== 'invalid';
}
