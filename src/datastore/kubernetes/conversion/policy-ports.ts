import type { Port } from '../../../resources/port.js';
import { canonicalProtocol } from '../../../resources/protocol.js';
import type { Native } from './native.js';

/** The ports of one protocol; none: all of them. */
export interface ProtocolPorts {
  /** Undefined: any protocol. */
  readonly protocol: string | undefined;
  readonly ports: readonly Port[] | undefined;
}

type Range = readonly [from: number, to: number];

const highest = 65535;

/** The ports of a rule of a Kubernetes NetworkPolicy, by protocol in sorted order; a text says why they can't be converted. */
export function policyPorts(ports: readonly Native[]): readonly ProtocolPorts[] | string {
  if (ports.length === 0) return [{ protocol: undefined, ports: undefined }];
  const byProtocol = new Map<string, (string | Range)[] | 'all'>();
  for (const entry of ports) {
    const protocol = String(canonicalProtocol(entry.protocol ?? 'TCP'));
    const found = portOf(entry);
    if ('problem' in found) return found.problem;
    const known = byProtocol.get(protocol);
    if (found.port === undefined || known === 'all') byProtocol.set(protocol, 'all');
    else byProtocol.set(protocol, [...(known ?? []), found.port]);
  }
  return [...byProtocol]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([protocol, list]) => ({ protocol, ports: list === 'all' ? undefined : merged(list) }));
}

function portOf({
  port,
  endPort,
}: Native): { readonly port: string | Range | undefined } | { readonly problem: string } {
  if (port === undefined || port === null) return { port: undefined };
  const isNumber = typeof port === 'number' || (typeof port === 'string' && /^\d+$/.test(port));
  const hasEnd = endPort !== undefined && endPort !== null;
  if (!isNumber) {
    if (hasEnd) return { problem: `endPort ${endPort} needs a port that is a number, not '${port}'` };
    return typeof port === 'string' && /^[a-zA-Z0-9_.-]{1,128}$/.test(port)
      ? { port }
      : { problem: `'${String(port)}' is no port` };
  }
  const [from, to] = [Number(port), hasEnd ? Number(endPort) : Number(port)];
  const valid = Number.isInteger(from) && Number.isInteger(to) && from >= 1 && from <= to && to <= highest;
  return valid ? { port: [from, to] } : { problem: `port ${from}${hasEnd ? ` to ${to}` : ''} is out of range` };
}

/** Names first, then numbers in order, with neighbours and overlaps as one range. */
function merged(list: readonly (string | Range)[]): Port[] {
  const names = list.filter((port) => typeof port === 'string');
  const ranges: Range[] = [];
  for (const [from, to] of list.filter((port) => typeof port !== 'string').sort(([a], [b]) => a - b)) {
    const last = ranges.at(-1);
    if (last === undefined || from > last[1] + 1) ranges.push([from, to]);
    else ranges[ranges.length - 1] = [last[0], Math.max(last[1], to)];
  }
  return [...names, ...ranges.map(([from, to]) => (from === to ? from : `${from}:${to}`))];
}
