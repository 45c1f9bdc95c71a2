import type { ConnectionState } from '../../evaluate/packet.js';
import type { Family } from '../../policy/host-policy.js';
import { parseAddress } from '../../resources/address.js';
import { knownProtocolNumber } from '../../resources/protocol.js';
import { SettingsError } from '../settings/settings-error.js';

/** A packet in the words of the command line. */
export interface PacketOptions {
  /** ADDR or ADDR:PORT, an IPv6 address with a port in brackets. */
  readonly from: string;
  readonly to: string;
  /** A name of Calico in any case, or a number. */
  readonly proto: string;
  /** T or T.C, of ICMP. */
  readonly type?: string | undefined;
  readonly state?: string | undefined;
  /** Like `to`: what DNAT makes of it. */
  readonly dnat?: string | undefined;
  readonly in?: string | undefined;
  readonly out?: string | undefined;
}

export interface Endpoint {
  /** Canonical. */
  readonly address: string;
  readonly port?: number | undefined;
}

/** What the options say of the packet, with what has to be assumed about the rest; where it goes is another matter. */
export interface ReadPacket {
  readonly family: Family;
  readonly protocol: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly dnat?: Endpoint | undefined;
  readonly icmpType?: number | undefined;
  readonly icmpCode?: number | undefined;
  readonly hopLimit: number;
  readonly state: ConnectionState;
  readonly assumed: readonly string[];
}

export const connectionStates: readonly ConnectionState[] = ['new', 'established', 'related', 'invalid', 'untracked'];

const EPHEMERAL = 50_000;
const withPorts: ReadonlySet<number> = new Set([6, 17, 132]);
const ICMP: Readonly<Record<Family, { readonly protocol: number; readonly name: string; readonly echo: number }>> = {
  4: { protocol: 1, name: 'icmp', echo: 8 },
  6: { protocol: 58, name: 'icmpv6', echo: 128 },
};

/** @throws SettingsError for what is no packet, with the option that is wrong */
export function readPacketOptions(options: PacketOptions): ReadPacket {
  const assumed: string[] = [];
  const protocol = readProtocol(options.proto);
  const [from, to, dnat] = [
    readEndpoint('--from', options.from),
    readEndpoint('--to', options.to),
    options.dnat === undefined ? undefined : readEndpoint('--dnat', options.dnat),
  ];
  const family = sameFamily(from, to, dnat);
  const icmp = readIcmp(protocol, family, options.type, assumed);
  const ports = (endpoint: Endpoint, option: string) => checkPort(endpoint, option, protocol);
  const source = sourceOf(ports(from, '--from'), protocol, assumed);
  return {
    family,
    protocol,
    from: source,
    to: destinationOf(ports(to, '--to'), protocol),
    ...(dnat ? { dnat: { port: to.port, ...withoutUndefined(ports(dnat, '--dnat')) } } : {}),
    ...icmp,
    ...stateOf(options.state, family, icmp.icmpType, assumed),
    assumed,
  };
}

function readProtocol(text: string): number {
  const number = /^\d{1,3}$/.test(text) ? Number(text) : knownProtocolNumber(text);
  if (number !== undefined && number <= 255) return number;
  throw wrong('--proto', `${JSON.stringify(text)} is no protocol: tcp, udp, sctp, icmp, icmpv6 or a number up to 255`);
}

function readEndpoint(option: string, text: string): Endpoint {
  const match = /^(?:\[(?<bracketed>[^\]]*)\]|(?<plain>[^:]*))(?::(?<port>\d{1,5}))?$/.exec(text);
  const { bracketed, plain = text, port } = match?.groups ?? {};
  const address = parseAddress(bracketed ?? plain);
  if (!address || Number(port ?? 0) > 65_535) {
    throw wrong(option, `${JSON.stringify(text)} is no address with or without a port (10.0.0.1:80, [fd00::1]:80)`);
  }
  return { address: address.text, port: port === undefined ? undefined : Number(port) };
}

function sameFamily(from: Endpoint, to: Endpoint, dnat: Endpoint | undefined): Family {
  const family = familyOf(to);
  if (familyOf(from) !== family) throw wrong('--from', `${from.address} and ${to.address} are not of one IP version`);
  if (dnat && familyOf(dnat) !== family) {
    throw wrong('--dnat', `${dnat.address} and ${to.address} are not of one IP version`);
  }
  return family;
}

function familyOf({ address }: Endpoint): Family {
  return address.includes(':') ? 6 : 4;
}

function checkPort(endpoint: Endpoint, option: string, protocol: number): Endpoint {
  if (endpoint.port === undefined || withPorts.has(protocol)) return endpoint;
  throw wrong(option, 'a port is for tcp, udp and sctp only');
}

function sourceOf(from: Endpoint, protocol: number, assumed: string[]): Endpoint {
  if (from.port !== undefined || !withPorts.has(protocol)) return from;
  assumed.push(`source port ${EPHEMERAL}`);
  return { ...from, port: EPHEMERAL };
}

function destinationOf(to: Endpoint, protocol: number): Endpoint {
  if (to.port !== undefined || !withPorts.has(protocol)) return to;
  const example = to.address.includes(':') ? `[${to.address}]:443` : `${to.address}:443`;
  throw wrong('--to', `the port is missing, as in ${example}`);
}

function readIcmp(
  protocol: number,
  family: Family,
  text: string | undefined,
  assumed: string[],
): Pick<ReadPacket, 'icmpType' | 'icmpCode'> {
  const { protocol: own, name, echo } = ICMP[family];
  if (protocol === ICMP[family === 4 ? 6 : 4].protocol) {
    throw wrong('--proto', `between IPv${family} addresses it is ${name}`);
  }
  if (protocol !== own) {
    if (text !== undefined) throw wrong('--type', 'is for icmp and icmpv6 only');
    return {};
  }
  if (text === undefined) {
    assumed.push(`ICMP type ${echo} (echo request)`);
    return { icmpType: echo, icmpCode: 0 };
  }
  const { type, code = '0' } = /^(?<type>\d{1,3})(?:\.(?<code>\d{1,3}))?$/.exec(text)?.groups ?? {};
  if (type === undefined || Math.max(Number(type), Number(code)) > 255) {
    throw wrong('--type', `${JSON.stringify(text)} is no ICMP type, or type and code as in 3.4`);
  }
  return { icmpType: Number(type), icmpCode: Number(code) };
}

/** The kernel never tracks neighbour discovery and listener messages, and takes the former with a hop limit of 255 only. */
function stateOf(
  text: string | undefined,
  family: Family,
  icmpType: number | undefined,
  assumed: string[],
): Pick<ReadPacket, 'state' | 'hopLimit'> {
  const neverTracked =
    family === 6 && icmpType !== undefined && ((icmpType >= 130 && icmpType <= 137) || icmpType === 143);
  const discovery = neverTracked && icmpType >= 133 && icmpType <= 137;
  if (discovery) assumed.push('hop limit 255, as neighbour discovery has');
  const state = connectionStates.find((one) => one === (text ?? (neverTracked ? 'untracked' : 'new')));
  if (state !== undefined) return { state, hopLimit: discovery ? 255 : 64 };
  throw wrong('--state', `${JSON.stringify(text)} is none of ${connectionStates.join(', ')}`);
}

function withoutUndefined(endpoint: Endpoint): Endpoint {
  return endpoint.port === undefined ? { address: endpoint.address } : endpoint;
}

export function wrong(option: string, message: string): SettingsError {
  return new SettingsError([{ source: option, message }]);
}
