import { addressSortKey, canonicalAddress, formatAddress, formatIPv4, parseAddress } from './address.js';
import { NftError } from './driver.js';
import type { AddressRange, NamePrefix, Prefix, Range, Value } from './objects.js';
import { interfaceNameText, interfacePrefixText } from './safe-text.js';
import { addressBits, LARGEST, type ValueType, WORDS } from './value-type.js';

/**
 * The one form of a value: values that mean the same have equal JSON texts, and nft lists what is printed from it in a way
 * that `parse-listing.ts` brings back to it. Throws NftError `invalid` for a value that the types don't have.
 */
export function canonicalValue(value: Value, types: readonly ValueType[]): Value {
  const [type, ...more] = types;
  if (type !== undefined && more.length === 0) return canonicalScalar(value, type);
  if (!isTuple(value) || value.length !== types.length) throw invalid(value, types.join(' . '));
  return value.map((part, index) => canonicalPart(part, types[index]));
}

function canonicalPart(part: Value, type: ValueType | undefined): Value {
  // nft takes a wildcard in a tuple, and then compares the star like a letter.
  if (type === undefined || isNamePrefix(part)) throw invalid(part, 'tuple');
  return canonicalScalar(part, type);
}

function canonicalScalar(value: Value, type: ValueType): Value {
  if (type === 'ifname') return canonicalInterfaceName(value);
  if (WORDS[type]) return canonicalWord(value, type);
  const bits = addressBits(type);
  // Shortcuts for the many.
  if (bits !== undefined && typeof value === 'string') return canonicalAddress(value, bits);
  if (bits === undefined && isNumberOf(value, type)) return value;
  return fromInterval(toInterval(value, type), type);
}

function canonicalInterfaceName(value: Value): Value {
  if (isNamePrefix(value)) {
    interfacePrefixText(value.startsWith);
    return { startsWith: value.startsWith };
  }
  if (typeof value !== 'string') throw invalid(value, 'ifname');
  interfaceNameText(value);
  return value;
}

function canonicalWord(value: Value, type: ValueType): string {
  if (typeof value !== 'string' || !WORDS[type]?.has(value)) throw invalid(value, type);
  return value;
}

/** An inclusive range of the numbers that stand for values. */
export interface Interval {
  readonly first: bigint;
  readonly last: bigint;
}

/** Can values of the type be ranges? */
export function hasIntervals(type: ValueType): boolean {
  return LARGEST[type] !== undefined || addressBits(type) !== undefined;
}

/** The values as a range of numbers; only for types that have intervals. */
export function toInterval(value: Value, type: ValueType): Interval {
  const bits = addressBits(type);
  return bits === undefined ? numberInterval(value, type) : addressInterval(value, type, bits);
}

function numberInterval(value: Value, type: ValueType): Interval {
  const [from, to] = isRange(value) ? [value.from, value.to] : [value, value];
  if (!isNumberOf(from, type) || !isNumberOf(to, type) || from > to) throw invalid(value, type);
  return { first: BigInt(from), last: BigInt(to) };
}

function isNumberOf(value: unknown, type: ValueType): value is number {
  const largest = LARGEST[type];
  return (
    largest !== undefined && typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= largest
  );
}

function addressInterval(value: Value, type: ValueType, bits: 32 | 128): Interval {
  if (typeof value === 'string') {
    const address = parseAddress(value, bits);
    return { first: address, last: address };
  }
  const interval = isPrefix(value)
    ? prefixInterval(value, bits)
    : isRange(value)
      ? rangeInterval(value, bits)
      : undefined;
  if (!interval || interval.first > interval.last) throw invalid(value, type);
  return interval;
}

function prefixInterval({ address, length }: Prefix, bits: 32 | 128): Interval | undefined {
  if (!Number.isInteger(length) || length < 0 || length > bits) return undefined;
  const first = parseAddress(address, bits);
  const hostBits = (1n << BigInt(bits - length)) - 1n;
  return (first & hostBits) === 0n ? { first, last: first | hostBits } : undefined;
}

function rangeInterval({ from, to }: Range | AddressRange, bits: 32 | 128): Interval | undefined {
  if (typeof from !== 'string' || typeof to !== 'string') return undefined;
  return { first: parseAddress(from, bits), last: parseAddress(to, bits) };
}

/** The canonical value of a range of numbers: single where it can be, then a prefix (addresses only), then a range. */
export function fromInterval({ first, last }: Interval, type: ValueType): Value {
  const bits = addressBits(type);
  if (bits === undefined) return first === last ? Number(first) : { from: Number(first), to: Number(last) };
  if (first === last) return formatAddress(first, bits);
  const hostBits = last - first;
  const isWholePrefix = (hostBits & (hostBits + 1n)) === 0n && (first & hostBits) === 0n;
  if (isWholePrefix) return { address: formatAddress(first, bits), length: bits - hostBits.toString(2).length };
  return { from: formatAddress(first, bits), to: formatAddress(last, bits) };
}

/** The values without duplicates, in order. */
export function sortedValues(values: readonly Value[], types: readonly ValueType[]): Value[] {
  if (types.length === 1 && types[0] === 'ipv4_addr' && values.every((value) => typeof value === 'string'))
    return sortedIPv4(values);
  const canonical = values.map((value) => canonicalValue(value, types));
  if (canonical.length < 2) return canonical;
  const keyed = canonical.map((value) => ({ value, key: sortKey(value, types) }));
  keyed.sort((a, b) => compareKeys(a.key, b.key));
  const isFirst = (index: number) => {
    const [previous, current] = [keyed[index - 1], keyed[index]];
    return !previous || !current || compareKeys(previous.key, current.key) !== 0;
  };
  return keyed.filter((_, index) => isFirst(index)).map(({ value }) => value);
}

/** Of these there are the most. */
function sortedIPv4(values: readonly string[]): string[] {
  const numbers = Float64Array.from(values, (value) => Number(addressSortKey(value, 32))).sort();
  const texts: string[] = [];
  let last = -1;
  for (const number of numbers) {
    if (number !== last) texts.push(formatIPv4(number));
    last = number;
  }
  return texts;
}

/** Which values an anonymous set has: overlapping and adjacent ranges are one, as nft lists them, and wildcards cover names. */
export function mergedValues(values: readonly Value[], types: readonly ValueType[]): Value[] {
  const sorted = sortedValues(values, types);
  const [type] = types;
  if (type === undefined || types.length !== 1) return sorted;
  if (type === 'ifname') return withoutCoveredNames(sorted);
  if (!hasIntervals(type)) return sorted;
  const merged: Interval[] = [];
  for (const value of sorted) {
    const next = toInterval(value, type);
    const previous = merged.at(-1);
    if (previous && next.first <= previous.last + 1n) {
      merged[merged.length - 1] = {
        first: previous.first,
        last: next.last > previous.last ? next.last : previous.last,
      };
    } else merged.push(next);
  }
  return merged.map((interval) => fromInterval(interval, type));
}

function withoutCoveredNames(sorted: readonly Value[]): Value[] {
  const wildcards = sorted.filter(isNamePrefix);
  return sorted.filter((value) => {
    const name = isNamePrefix(value) ? value.startsWith : String(value);
    return !wildcards.some((wildcard) => wildcard !== value && name.startsWith(wildcard.startsWith));
  });
}

/** Is it more than one number: a prefix, range or wildcard, or a tuple with one? */
export function isInterval(value: Value): boolean {
  return isTuple(value) ? value.some(isInterval) : typeof value === 'object';
}

type SortKey = readonly (number | string)[];

function sortKey(value: Value, types: readonly ValueType[]): SortKey {
  if (!isTuple(value)) return scalarSortKey(value, types[0]);
  return value.flatMap((part, index) => scalarSortKey(part, types[index]));
}

function scalarSortKey(value: Value, type: ValueType | undefined): SortKey {
  const bits = type && addressBits(type);
  if (isPrefix(value)) return bits === undefined ? [] : [addressSortKey(value.address, bits), value.length];
  if (isRange(value)) return [rangeEndKey(value.from, bits), -1, rangeEndKey(value.to, bits)];
  if (isNamePrefix(value)) return [value.startsWith, 1];
  if (isTuple(value)) return [];
  return [typeof value === 'string' && bits !== undefined ? addressSortKey(value, bits) : value, 999];
}

function rangeEndKey(end: number | string, bits: 32 | 128 | undefined): number | string {
  return typeof end === 'string' && bits !== undefined ? addressSortKey(end, bits) : end;
}

/** Zero only for equal values: a key says all about its value. */
function compareKeys(a: SortKey, b: SortKey): number {
  for (let index = 0; index < a.length; index++) {
    const [left, right] = [a[index], b[index]];
    if (left === undefined || right === undefined) return a.length - b.length;
    if (left !== right) return left < right ? -1 : 1;
  }
  return a.length - b.length;
}

export function isTuple(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isPrefix(value: Value): value is Prefix {
  return typeof value === 'object' && 'length' in value && 'address' in value;
}

export function isRange(value: Value): value is Range | AddressRange {
  return typeof value === 'object' && 'from' in value;
}

export function isNamePrefix(value: Value): value is NamePrefix {
  return typeof value === 'object' && 'startsWith' in value;
}

function invalid(value: unknown, type: string): NftError {
  return new NftError('invalid', `${JSON.stringify(value)} is not a value of type ${type}`);
}
