import ipaddr from 'ipaddr.js';

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  /** Canonical: IPv6 compressed and lower-case, IPv4 for an IPv4-mapped address. */
  readonly text: string;
}

export interface Cidr {
  readonly family: Family;
  /** The canonical network address: host bits masked off. */
  readonly address: string;
  readonly length: number;
  /** Whether the host bits were zero as written. */
  readonly exact: boolean;
  /** False for a bare address, which is read as /32 or /128. */
  readonly hadMask: boolean;
}

const ipv6 = /^[0-9a-fA-F:]*(?::(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3})?$/;

/** An IP address by the rules of Go's netip: no octal, short or hexadecimal IPv4, no zone, no blanks. */
export function parseAddress(text: string): Address | undefined {
  const octets = parseOctets(text);
  if (octets === undefined) return undefined;
  const mapped = mappedOctets(octets);
  return describe(mapped ?? octets);
}

/**
 * A network, or a bare address as the network of that address alone. `::ffff:a.b.c.d/n` with n >= 96 is an IPv4 network, as in
 * Go; with fewer bits it stays IPv6. Leading zeros of the length are allowed, as Calico does.
 */
export function parseCidr(text: string): Cidr | undefined {
  return parsePlainIPv4(text) ?? parseAnyCidr(text);
}

function parseAnyCidr(text: string): Cidr | undefined {
  const [addressText = '', lengthText, more] = text.split('/');
  const written = parseOctets(addressText);
  if (written === undefined || more !== undefined) return undefined;
  if (lengthText === undefined) {
    const octets = mappedOctets(written) ?? written;
    return network(octets, octets.length * 8, false);
  }
  const length = /^\d{1,9}$/.test(lengthText) ? Number(lengthText) : Number.NaN;
  if (!(length <= written.length * 8)) return undefined;
  const mapped = length >= 96 ? mappedOctets(written) : undefined;
  return mapped === undefined ? network(written, length, true) : network(mapped, length - 96, true);
}

/** The canonical text of a network. */
export function cidrText(cidr: Cidr): string {
  return `${cidr.address}/${cidr.length}`;
}

/** The canonical text of a network as it is written: the very string if that is canonical, as most are, so that it is kept once. */
export function canonicalCidr(text: string): string | undefined {
  const cidr = parseCidr(text);
  if (cidr === undefined) return undefined;
  const isCanonical =
    cidr.family === 4 && cidr.exact && text.length === cidr.address.length + (cidr.length < 10 ? 2 : 3);
  return isCanonical ? text : cidrText(cidr);
}

const ZERO = 48;
const DOT = 46;
const SLASH = 47;

/**
 * An IPv4 address, or network without leading zeros in its length. By hand and in one pass, because a large cluster has nothing in
 * greater number: ipaddr.js takes three times as long.
 */
function parsePlainIPv4(text: string): Cidr | undefined {
  let bits = 0;
  let dots = 0;
  // -1: it has no digit yet.
  let octet = -1;
  let end = 0;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    const digit = code - ZERO;
    if (digit >= 0 && digit <= 9 && octet !== 0) octet = octet < 0 ? digit : octet * 10 + digit;
    else if (code === DOT && octet >= 0 && dots < 3) {
      bits = bits * 256 + octet;
      octet = -1;
      dots += 1;
    } else break;
    if (octet > 255) return undefined;
  }
  if (dots < 3 || octet < 0) return undefined;
  bits = bits * 256 + octet;
  const hadMask = end < text.length;
  const length = hadMask ? plainLength(text, end) : 32;
  if (length === undefined) return undefined;
  // A shift by 32 is none.
  const masked = length === 0 ? 0 : (bits & (-1 << (32 - length))) >>> 0;
  const exact = masked === bits;
  return { family: 4, address: exact ? text.slice(0, end) : quadText(masked), length, exact, hadMask };
}

/** What is behind the slash at `at`, if it is one or two digits without a leading zero, and at most 32. */
function plainLength(text: string, at: number): number | undefined {
  const first = text.charCodeAt(at + 1) - ZERO;
  const digits = text.length - at - 1;
  if (text.charCodeAt(at) !== SLASH || !(first >= 0 && first <= 9) || digits > 2) return undefined;
  if (digits === 1) return first;
  const second = text.charCodeAt(at + 2) - ZERO;
  const length = first * 10 + second;
  return first > 0 && second >= 0 && second <= 9 && length <= 32 ? length : undefined;
}

function quadText(bits: number): string {
  return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
}

function parseOctets(text: string): number[] | undefined {
  if (!text.includes(':')) {
    const plain = parsePlainIPv4(text);
    return plain && !plain.hadMask ? plain.address.split('.').map(Number) : undefined;
  }
  if (!ipv6.test(text)) return undefined;
  const plain = withoutDottedQuad(text);
  return plain !== undefined && ipaddr.isValid(plain) ? ipaddr.parse(plain).toByteArray() : undefined;
}

/** ipaddr.js 2.5 reads the IPv4-compatible `::10.0.0.1` as the IPv4-mapped `::ffff:10.0.0.1`; in hexadecimal it does not. */
function withoutDottedQuad(text: string): string | undefined {
  const start = text.lastIndexOf(':') + 1;
  const quad = text.slice(start);
  if (!quad.includes('.')) return text;
  const [a = 0, b = 0, c = 0, d = 0] = quad.split('.').map(Number);
  if (Math.max(a, b, c, d) > 255) return undefined;
  return `${text.slice(0, start)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

function mappedOctets(octets: readonly number[]): number[] | undefined {
  const mapped = octets.length === 16 && octets.slice(0, 10).every((octet) => octet === 0);
  return mapped && octets[10] === 0xff && octets[11] === 0xff ? octets.slice(12) : undefined;
}

function network(octets: readonly number[], length: number, hadMask: boolean): Cidr {
  const masked = octets.map((octet, index) => octet & (0xff00 >> Math.min(8, Math.max(0, length - index * 8))) & 0xff);
  const { family, text } = describe(masked);
  return { family, address: text, length, exact: masked.every((octet, index) => octet === octets[index]), hadMask };
}

function describe(octets: readonly number[]): Address {
  if (octets.length === 4) return { family: 4, text: octets.join('.') };
  return { family: 6, text: ipaddr.fromByteArray([...octets]).toString() };
}
