import type { Family } from '../policy/host-policy.js';

/** As netfilter's conntrack sees it; `untracked` are also IPv6's neighbour discovery and listener messages. */
export type ConnectionState = 'new' | 'established' | 'related' | 'invalid' | 'untracked';

/** To a process of the host, from one, or routed through it. */
export type Path = 'in' | 'out' | 'forward';

/** What is known of a packet. Numbers are in host order; what its protocol does not have is left out. */
export interface Packet {
  /** Left out: what the interfaces say (both: `forward`). */
  readonly path?: Path | undefined;
  readonly inInterface?: string | undefined;
  /** Where it leaves in the end. */
  readonly outInterface?: string | undefined;
  readonly family: Family;
  readonly source: string;
  /** Where it goes in the end, after DNAT; or, to be translated by ipNATs of the policy, where it is sent. */
  readonly destination: string;
  readonly protocol: number;
  readonly sourcePort?: number | undefined;
  /** After DNAT. */
  readonly destinationPort?: number | undefined;
  readonly icmpType?: number | undefined;
  readonly icmpCode?: number | undefined;
  /** Neighbour discovery counts as such only with 255, which no router can produce (RFC 4861). */
  readonly hopLimit?: number | undefined;
  readonly state: ConnectionState;
  /** Whether its connection is destination-NATed. Left out: whether `beforeDNAT` is there, or ipNATs concern it. */
  readonly dnat?: boolean | undefined;
  /** What it was before; `outInterface`: the one of the first routing decision of a packet that the host sends. */
  readonly beforeDNAT?:
    | {
        readonly destination: string;
        readonly destinationPort?: number | undefined;
        readonly outInterface?: string | undefined;
      }
    | undefined;
}

/** @throws RangeError if neither path nor interfaces are given, or an interface that the path needs is missing. */
export function pathOf({ path, inInterface, outInterface }: Packet): Path {
  const derived = inInterface === undefined ? 'out' : outInterface === undefined ? 'in' : 'forward';
  const chosen = path ?? derived;
  if (chosen !== 'out' && inInterface === undefined)
    throw new RangeError(`a packet with path ${chosen} needs inInterface`);
  if (chosen !== 'in' && outInterface === undefined)
    throw new RangeError(`a packet with path ${chosen} needs outInterface`);
  return chosen;
}
