import { addressNumber, type Family } from './address.js';
import { isNeverTracked, type Packet, type State } from './packet.js';

/** What is translated on a hook: its destination, or its source. */
export type Manipulation = 'destination' | 'source';

/** What the rules see of a packet at one point of its way. */
export interface PacketState {
  readonly family: Family;
  source: bigint;
  destination: bigint;
  readonly protocol: number;
  readonly sport: number | undefined;
  dport: number | undefined;
  readonly icmp: { readonly type: number; readonly code: number } | undefined;
  readonly hopLimit: number;
  /** Empty where there is none. */
  iif: string;
  oif: string;
  mark: number;
  /** Connection tracking has seen it, or was told not to. */
  tracked: boolean;
  state: State;
  isDnat: boolean;
  /** By a rule of the table. */
  isOwnDnat: boolean;
  /** Which translations are settled for the connection, also those to nothing. */
  readonly natDone: Set<Manipulation>;
  readonly logged: string[];
}

export function initialState(packet: Packet): PacketState {
  if (isNeverTracked(packet) && packet.state !== 'untracked')
    throw new RangeError('the kernel never tracks this packet');
  const untranslated = packet.state === 'untracked' || packet.state === 'invalid';
  if (packet.dnat && untranslated) throw new RangeError(`${packet.state} packets are not translated`);
  return {
    family: packet.family,
    source: addressNumber(packet.source),
    destination: addressNumber(packet.destination),
    protocol: packet.protocol,
    sport: packet.sport,
    dport: packet.dport,
    icmp: packet.icmp,
    hopLimit: packet.hopLimit,
    iif: '',
    oif: '',
    mark: packet.mark,
    tracked: false,
    state: packet.state,
    // A new connection has no translation yet; one that is open has.
    isDnat: packet.dnat !== undefined && packet.state !== 'new',
    isOwnDnat: false,
    natDone: new Set(),
    logged: [],
  };
}
