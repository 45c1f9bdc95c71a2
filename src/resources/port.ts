/** A port as written in a rule: a number, a range `from:to` with both ends included, or the name of endpoint ports. */
export type Port = number | string;

export type ParsedPort = { readonly from: number; readonly to: number } | { readonly name: string };

const range = /^(\d+):(\d+)$/;
const decodableName = /^[a-zA-Z0-9_.-]{1,128}$/;
const highest = 65535;

/** What a valid port of a rule means. */
export function parsePort(port: Port): ParsedPort {
  if (typeof port === 'number') return { from: port, to: port };
  const [, from, to] = range.exec(port) ?? [];
  return from === undefined || to === undefined ? { name: port } : { from: Number(from), to: Number(to) };
}

/** Whether the port is the name of endpoint ports. */
export function isNamedPort(port: Port): boolean {
  return 'name' in parsePort(port);
}

/** Decimal strings and ranges of one port as numbers, as Calico stores them; anything else as it is. */
export function decodePort(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (/^\d+$/.test(value)) return Number(value);
  const [, from, to] = range.exec(value) ?? [];
  if (from === undefined || to === undefined) return value;
  return Number(from) === Number(to) ? Number(from) : `${Number(from)}:${Number(to)}`;
}

/** What is wrong with a port of a rule. */
export function portProblem(port: Port): string | undefined {
  const parsed = parsePort(port);
  if ('name' in parsed) return portNameProblem(parsed.name);
  const { from, to } = parsed;
  if (!isPortNumber(from) || !isPortNumber(to))
    return `port range ${port} is invalid, port numbers must be between 1 and ${highest}`;
  return from > to ? `port range ${port} is invalid, its first port is greater than its last one` : undefined;
}

/**
 * The rule that a bad port of a rule breaks. Calico's agent takes more names than its client does: those that could be the names
 * of endpoint ports are V-PORTNAME.
 */
export function portRule(port: Port): 'V-PORT' | 'V-PORTNAME' {
  const parsed = parsePort(port);
  return 'name' in parsed && decodableName.test(parsed.name) ? 'V-PORTNAME' : 'V-PORT';
}

/** What is wrong with the name of a port (a port name of Kubernetes: rule V-PORTNAME). */
export function portNameProblem(name: string): string | undefined {
  if (name === '') return 'a port name is missing';
  if (!decodableName.test(name)) return `'${name}' is no port: give a number, a range like 8080:8090 or a port name`;
  const valid = name.length <= 15 && /^[-a-z0-9]+$/.test(name) && /[a-z]/.test(name) && !/^-|-$|--/.test(name);
  if (valid) return undefined;
  return `port name '${name}' is invalid: 1 to 15 lower-case letters, digits and single inner dashes, at least one letter`;
}

function isPortNumber(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= highest;
}
