import type { Icmp, PortMatch } from '../policy/host-policy.js';
import type { Header } from './header.js';

const names: Readonly<Record<number, string>> = {
  1: 'ICMP',
  6: 'TCP',
  17: 'UDP',
  58: 'ICMPv6',
  132: 'SCTP',
  136: 'UDPLite',
};
/** Longer lists are cut; the resource has all. */
const longest = 4;

export function protocolText(protocol: number | undefined): string {
  return protocol === undefined ? 'any' : (names[protocol] ?? String(protocol));
}

export function addressText(side: 'source' | 'destination', header: Header): string {
  return `${side} ${header[side].text}`;
}

/** Of a packet or of what a rule asks for. */
export function icmpText(icmp: Icmp | Header | undefined): string {
  if (icmp === undefined) return 'ICMP';
  const [type, code] = 'protocol' in icmp ? [icmp.icmpType, icmp.icmpCode] : [icmp.type, icmp.code];
  if (type === undefined) return 'protocol' in icmp ? `protocol ${protocolText(icmp.protocol)}` : 'ICMP of any type';
  return code === undefined ? `ICMP type ${type}` : `ICMP type ${type} code ${code}`;
}

export function netsText(nets: readonly string[] = []): string {
  return cut(nets);
}

export function portsText(match: PortMatch | undefined, describeSet: (id: string) => string): string {
  const ranges = (match?.ranges ?? []).map(({ from, to }) => (from === to ? String(from) : `${from}:${to}`));
  return cut([...ranges, ...(match?.sets ?? []).map((id) => `"${describeSet(id)}"`)]);
}

function cut(list: readonly string[]): string {
  if (list.length === 0) return 'an empty list';
  const shown = list.slice(0, longest).join(', ');
  return list.length > longest ? `${shown} and ${list.length - longest} more` : shown;
}
