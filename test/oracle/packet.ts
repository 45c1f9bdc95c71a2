import type { Family } from './address.js';

export type State = 'new' | 'established' | 'related' | 'invalid' | 'untracked';

/**
 * How a packet goes through the host: in = to a process, out = from one, forward = neither, loopback = from one to another one
 * over `lo`.
 */
export type Path = 'in' | 'out' | 'forward' | 'loopback';

/** A packet as it enters the host, and what the rest of the kernel makes of it. */
export interface Packet {
  readonly path: Path;
  readonly iif?: string | undefined;
  /** The output interface of the first routing decision; only that counts in the output hook. */
  readonly oif?: string | undefined;
  readonly family: Family;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** Ports; of another protocol the first bytes behind the IP header, which rules must not take for ports. */
  readonly sport?: number | undefined;
  readonly dport?: number | undefined;
  readonly icmp?: { readonly type: number; readonly code: number } | undefined;
  readonly hopLimit: number;
  /** What connection tracking says unless a rule switches it off for the packet. */
  readonly state: State;
  /** The mark that it brings along. */
  readonly mark: number;
  /** What destination NAT, of somebody else, makes of it, and where it then goes. Without it `path` and `oif` stand. */
  readonly dnat?:
    | {
        readonly destination: string;
        readonly dport?: number | undefined;
        readonly path: Path;
        readonly oif?: string | undefined;
      }
    | undefined;
}

export const TCP = 6;
export const UDP = 17;
export const SCTP = 132;
export const ICMP = 1;
export const ICMPV6 = 58;

export function hasPorts({ protocol }: Pick<Packet, 'protocol'>): boolean {
  return protocol === TCP || protocol === UDP || protocol === SCTP;
}

/** Neighbour discovery and multicast listeners: the kernel never tracks them. */
export function isNeverTracked({ family, protocol, icmp }: Pick<Packet, 'family' | 'protocol' | 'icmp'>): boolean {
  const type = icmp?.type ?? 0;
  return family === 6 && protocol === ICMPV6 && ((type >= 130 && type <= 137) || type === 143);
}
