import type { HostPolicy } from '../policy/host-policy.js';
import { readAddress } from './address.js';
import type { Packet } from './packet.js';

/**
 * What ipNATs of workloads make of a packet: sent to an external address, it goes on to the internal one. The same object if they
 * do not concern it. Its interfaces stay as they were given; where it goes now is for those to say who know the routes.
 */
export type Translate = (packet: Packet) => Packet;

/** Translates as the host does: connections, and each one once, so that what somebody else translates is left alone. */
export function translator({ nats, parameters }: Pick<HostPolicy, 'nats' | 'parameters'>): Translate {
  const internal = new Map(nats.map((nat) => [nat.external, nat.internal]));
  return (packet) => {
    if (internal.size === 0 || !mayBeTranslated(packet)) return packet;
    if (packet.family === 6 && !parameters.ipv6Support) return packet;
    const destination = internal.get(readAddress(packet.destination, packet.family).text);
    if (destination === undefined) return packet;
    const { destinationPort, outInterface } = packet;
    return { ...packet, destination, beforeDNAT: { destination: packet.destination, destinationPort, outInterface } };
  };
}

/** Without an entry of conntrack there is no NAT; of an open connection its begin is assumed to have met the same rules. */
function mayBeTranslated({ state, dnat, beforeDNAT }: Packet): boolean {
  return dnat === undefined && beforeDNAT === undefined && (state === 'new' || state === 'established');
}
