/** A protocol as written in a resource: one of Calico's names or a number. */
export type Protocol = string | number;

const numbers = { TCP: 6, UDP: 17, ICMP: 1, ICMPv6: 58, SCTP: 132, UDPLite: 136 } as const;

/** The names that Calico's API takes, in its spelling. */
export const protocolNames: readonly string[] = Object.keys(numbers);

const byLowerCase = new Map(
  Object.entries(numbers).map(([name, number]) => [name.toLowerCase(), { name, number }] as const),
);
const supportingPorts: ReadonlySet<number> = new Set([6, 17, 132]);

/** The IP protocol number of a valid protocol, names in any letter case. @throws RangeError for an unknown name */
export function protocolNumber(protocol: Protocol): number {
  const number = knownProtocolNumber(protocol);
  if (number === undefined) throw new RangeError(`unknown protocol ${protocol}`);
  return number;
}

/** As `protocolNumber`, undefined for what is no protocol. */
export function knownProtocolNumber(protocol: Protocol): number | undefined {
  if (typeof protocol === 'number') return protocol;
  return byLowerCase.get(protocol.toLowerCase())?.number;
}

/** Whether rules and endpoints may name ports of this protocol: TCP, UDP and SCTP, but not UDPLite. */
export function supportsPorts(protocol: Protocol): boolean {
  const number = knownProtocolNumber(protocol);
  return number !== undefined && supportingPorts.has(number);
}

/** A decimal string as the number that it means, like Calico's own decoder; anything else as it is. */
export function decodeProtocol(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\d+$/.test(value)) return value;
  const number = Number(value);
  return number <= 255 ? number : value;
}

/** The name in Calico's spelling: datastores hold it in any letter case, and Calico's agent compares lower-case. */
export function canonicalProtocol(value: unknown): unknown {
  return typeof value === 'string' ? (byLowerCase.get(value.toLowerCase())?.name ?? value) : value;
}

/** What is wrong with a protocol (rule V-PROTO). */
export function protocolProblem(protocol: Protocol): string | undefined {
  if (typeof protocol === 'number') {
    const valid = Number.isInteger(protocol) && protocol >= 1 && protocol <= 255;
    return valid ? undefined : `protocol number ${protocol} is invalid, it must be between 1 and 255`;
  }
  if (protocolNames.includes(protocol)) return undefined;
  return `protocol name '${protocol}' is invalid, it must be one of ${protocolNames.join(', ')} or a number`;
}
