import type { Header } from './header.js';
import type { Direction } from './verdict.js';
import type { Failsafe, Host } from './walk.js';

/** Whether it goes to a failsafe port of its direction, from (ingress) or to (egress) the peers that the entry is for. */
export function isFailsafe(host: Host, direction: Direction, header: Header): boolean {
  return host.failsafe[direction].some(
    (entry) => entry.port === header.destinationPort && concerns(entry, host, direction, header),
  );
}

/** Whether it comes from a failsafe port of the other direction: without conntrack a reply can't be told otherwise. */
export function isFailsafeReply(host: Host, direction: Direction, header: Header): boolean {
  return host.failsafe[opposite(direction)].some(
    (entry) => entry.port === header.sourcePort && concerns(entry, host, direction, header),
  );
}

export function opposite(direction: Direction): Direction {
  return direction === 'ingress' ? 'egress' : 'ingress';
}

function concerns({ protocol, nets }: Failsafe, { lookups }: Host, direction: Direction, header: Header): boolean {
  const peer = direction === 'ingress' ? header.source : header.destination;
  return protocol === header.protocol && (nets === undefined || lookups.inNets(nets, peer));
}
