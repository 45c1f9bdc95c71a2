import { isRecord, type Json, onlyMember } from './json.js';
import type { Prefix, Value, Verdict } from './objects.js';
import { addressBits, LARGEST, type ValueType, WORDS } from './value-type.js';

/** A star at the end of an interface name is a wildcard in an anonymous set and alone, but a letter in tuples and named sets. */
type Star = 'wildcard' | 'name';

/** A value as nft lists it, for an expression or element with these types; undefined if Margay has no such value. */
export function parseValue(json: Json | undefined, types: readonly ValueType[], star: Star): Value | undefined {
  const [type, ...more] = types;
  if (type === undefined) return undefined;
  if (more.length === 0) return parseScalar(json, type, star);
  const parts = isRecord(json) ? json.concat : undefined;
  if (!Array.isArray(parts) || parts.length !== types.length) return undefined;
  const values = types.map((each, index) => parseScalar(parts[index], each, 'name'));
  return values.every((value) => value !== undefined) ? values : undefined;
}

function parseScalar(json: Json | undefined, type: ValueType, star: Star): Value | undefined {
  if (typeof json === 'string') return parseText(json, type, star);
  if (typeof json === 'number') return parseNumber(json, type);
  const member = onlyMember(json);
  if (member?.[0] === 'prefix') return parsePrefix(member[1], type);
  if (member?.[0] === 'range' && Array.isArray(member[1])) return parseRange(member[1], type);
  return undefined;
}

function parseText(text: string, type: ValueType, star: Star): Value | undefined {
  if (type === 'ifname') return parseInterfaceName(text, star);
  if (addressBits(type) !== undefined || WORDS[type]) return text;
  if (type === 'inet_proto') return PROTOCOLS.get(text) ?? decimal(text);
  return decimal(text);
}

function decimal(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function parseInterfaceName(text: string, star: Star): Value {
  if (text.endsWith('\\*')) return `${text.slice(0, -2)}*`;
  return text.endsWith('*') && star === 'wildcard' ? { startsWith: text.slice(0, -1) } : text;
}

function parseNumber(number: number, type: ValueType): Value | undefined {
  const words = WORDS[type];
  if (!words) return LARGEST[type] === undefined ? undefined : number;
  return [...words].find(([, bit]) => bit === number)?.[0];
}

function parsePrefix(json: Json, type: ValueType): Value | undefined {
  if (!isRecord(json) || typeof json.len !== 'number') return undefined;
  if (typeof json.addr === 'string') return { address: json.addr, length: json.len } satisfies Prefix;
  // Masks of marks are listed as prefixes.
  if (typeof json.addr !== 'number' || type !== 'mark') return undefined;
  return { from: json.addr, to: json.addr + 2 ** (32 - json.len) - 1 };
}

function parseRange(ends: readonly Json[], type: ValueType): Value | undefined {
  const [from, to] = ends.map((end) => parseScalar(end, type, 'name'));
  if (typeof from === 'number' && typeof to === 'number') return { from, to };
  return typeof from === 'string' && typeof to === 'string' ? { from, to } : undefined;
}

export function parseVerdict(json: Json | undefined): Verdict | undefined {
  if (!isRecord(json)) return undefined;
  const [entry, ...more] = Object.entries(json);
  if (!entry || more.length > 0) return undefined;
  const [kind, value] = entry;
  if ((kind === 'accept' || kind === 'drop' || kind === 'return') && value === null) return { kind };
  if ((kind === 'jump' || kind === 'goto') && isRecord(value) && typeof value.target === 'string') {
    return { kind, chain: value.target };
  }
  return undefined;
}

/** Names that nft lists for protocols when it is not asked for numbers. */
const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['icmp', 1],
  ['igmp', 2],
  ['ipencap', 4],
  ['tcp', 6],
  ['udp', 17],
  ['dccp', 33],
  ['gre', 47],
  ['esp', 50],
  ['ah', 51],
  ['ipv6-icmp', 58],
  ['icmpv6', 58],
  ['sctp', 132],
  ['udplite', 136],
]);
