import type { DataType, Expression, Operand, Value } from '../../src/nft/objects.js';
import { addressNumber, cidrBounds, type Family } from './address.js';
import type { PacketState } from './trace-state.js';

/** What a rule has that the tracer does not know, or that nft or the kernel would refuse. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

export type Scalar = number | bigint | string;
/** What an expression gives; undefined where the kernel breaks off the rule, in whatever form it compares. */
type Reader = (state: PacketState) => Scalar | undefined;
type LeafType = DataType | 'nfproto' | 'iif' | 'number' | 'ct state' | 'ct status';

export interface Compiled {
  readonly types: readonly LeafType[];
  readonly read: Reader;
}

const SEPARATOR = ' . ';

/** An expression as a function of the packet. */
export function compileExpression(expression: Expression): Compiled {
  switch (expression.kind) {
    case 'meta':
      return metaExpression(expression.key);
    case 'payload':
      return payloadExpression(expression.protocol, expression.field);
    case 'ct':
      return ctExpression(expression.key);
    case 'masked':
      return maskedExpression(compileExpression(expression.expression), expression.mask);
    case 'concat':
      return concatExpression(expression.parts.map(compileExpression));
    default:
      throw new Refused(`expression ${JSON.stringify(expression)}`);
  }
}

function leaf(type: LeafType, read: Reader): Compiled {
  return { types: [type], read };
}

function metaExpression(key: string): Compiled {
  switch (key) {
    case 'nfproto':
      return leaf('nfproto', (state) => (state.family === 4 ? 'ipv4' : 'ipv6'));
    case 'l4proto':
      return leaf('inet_proto', (state) => state.protocol);
    case 'mark':
      return leaf('mark', (state) => state.mark);
    case 'iif':
      return leaf('iif', (state) => (state.iif === '' ? 0 : 1));
    case 'iifname':
      return leaf('ifname', (state) => state.iif);
    case 'oifname':
      return leaf('ifname', (state) => state.oif);
    default:
      throw new Refused(`meta ${key}`);
  }
}

/** nft puts the family, and the protocol of ICMP, before each look into a header. */
function payloadExpression(protocol: string, field: string): Compiled {
  const address = (family: Family, read: (state: PacketState) => bigint) =>
    leaf(family === 4 ? 'ipv4_addr' : 'ipv6_addr', (state) => (state.family === family ? read(state) : undefined));
  switch (`${protocol} ${field}`) {
    case 'ip saddr':
      return address(4, (state) => state.source);
    case 'ip daddr':
      return address(4, (state) => state.destination);
    case 'ip6 saddr':
      return address(6, (state) => state.source);
    case 'ip6 daddr':
      return address(6, (state) => state.destination);
    case 'ip6 hoplimit':
      return leaf('number', (state) => (state.family === 6 ? state.hopLimit : undefined));
    case 'th sport':
      return leaf('inet_service', (state) => state.sport);
    case 'th dport':
      return leaf('inet_service', (state) => state.dport);
    case 'icmp type':
      return leaf('number', (state) => (isIcmp(state, 4) ? state.icmp?.type : undefined));
    case 'icmp code':
      return leaf('number', (state) => (isIcmp(state, 4) ? state.icmp?.code : undefined));
    case 'icmpv6 type':
      return leaf('number', (state) => (isIcmp(state, 6) ? state.icmp?.type : undefined));
    case 'icmpv6 code':
      return leaf('number', (state) => (isIcmp(state, 6) ? state.icmp?.code : undefined));
    default:
      throw new Refused(`payload ${protocol} ${field}`);
  }
}

function isIcmp(state: PacketState, family: Family): boolean {
  return state.family === family && state.protocol === (family === 4 ? 1 : 58);
}

const STATE_BITS: Readonly<Record<string, number>> = {
  invalid: 1,
  established: 2,
  related: 4,
  new: 8,
  untracked: 64,
};
const STATUS_BITS: Readonly<Record<string, number>> = { dnat: 32 };

function ctExpression(key: string): Compiled {
  if (key === 'state') return leaf('ct state', (state) => STATE_BITS[needConntrack(state).state]);
  if (key !== 'status') throw new Refused(`ct ${key}`);
  return leaf('ct status', (state) => {
    const { state: conntrack, isDnat } = needConntrack(state);
    if (conntrack === 'untracked' || conntrack === 'invalid') return undefined;
    return isDnat ? STATUS_BITS.dnat : 0;
  });
}

/** Before connection tracking the kernel says `invalid`, which is never what a rule means. */
function needConntrack(state: PacketState): PacketState {
  if (!state.tracked) throw new Refused('ct before connection tracking');
  return state;
}

function maskedExpression(inner: Compiled, mask: number | string): Compiled {
  const [type] = inner.types;
  if (inner.types.length !== 1 || type === undefined) throw new Refused('a mask on a concatenation');
  const bits = type === 'mark' && typeof mask === 'number' ? mask : addressMask(type, mask);
  return leaf(type, (state) => {
    const value = inner.read(state);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && typeof bits === 'number') return (value & bits) >>> 0;
    if (typeof value === 'bigint' && typeof bits === 'bigint') return value & bits;
    throw new Refused(`mask ${mask} on ${type}`);
  });
}

function addressMask(type: LeafType, mask: number | string): bigint {
  if (typeof mask !== 'string' || (type !== 'ipv4_addr' && type !== 'ipv6_addr'))
    throw new Refused(`mask ${mask} on ${type}`);
  return addressNumber(mask);
}

function concatExpression(parts: readonly Compiled[]): Compiled {
  if (parts.some(({ types }) => types.length !== 1 || types[0]?.startsWith('ct')))
    throw new Refused('a concatenation of concatenations or connection tracking');
  return {
    types: parts.flatMap(({ types }) => types),
    read: (state) => {
      let key = '';
      for (const part of parts) {
        const value = part.read(state);
        if (value === undefined) return undefined;
        key = key === '' ? String(value) : `${key}${SEPARATOR}${value}`;
      }
      return key;
    },
  };
}

/** What a value or an element stands for, for exact comparison. */
export function keyOf(value: Value, types: readonly LeafType[]): Scalar {
  if (types.length === 1) return scalarOf(value, types[0]);
  if (!isTuple(value) || value.length !== types.length) throw new Refused(`${JSON.stringify(value)} is no ${types}`);
  return value.map((part, index) => String(scalarOf(part, types[index]))).join(SEPARATOR);
}

function scalarOf(value: Value, type: LeafType | undefined): Scalar {
  const fits = (condition: boolean): void => {
    if (!condition) throw new Refused(`${JSON.stringify(value)} is no ${type}`);
  };
  switch (type) {
    case 'ipv4_addr':
    case 'ipv6_addr':
      fits(typeof value === 'string' && value.includes(':') === (type === 'ipv6_addr'));
      return addressNumber(String(value));
    case 'ifname':
      fits(typeof value === 'string' && value !== '' && value.length < 16);
      return String(value);
    case 'nfproto':
      fits(value === 'ipv4' || value === 'ipv6');
      return String(value);
    case 'ct state':
      fits(typeof value === 'string' && value in STATE_BITS);
      return STATE_BITS[String(value)] ?? 0;
    case 'ct status':
      fits(typeof value === 'string' && value in STATUS_BITS);
      return STATUS_BITS[String(value)] ?? 0;
    case 'iif':
      fits(value === 0);
      return 0;
    default: {
      const highest = { inet_proto: 255, inet_service: 65535, mark: 2 ** 32 - 1, number: 255 }[type ?? 'number'];
      fits(typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= highest);
      return Number(value);
    }
  }
}

/** Whether what an expression gives is one of the values. */
export type Membership = (value: Scalar) => boolean;

/** An anonymous set, or a named one if `exactOnly`: nft refuses intervals in sets without the flag. */
export function membershipOf(values: readonly Value[], types: readonly LeafType[], exactOnly: boolean): Membership {
  const exact = new Set<Scalar>();
  const intervals: (readonly [Scalar, Scalar])[] = [];
  const prefixes: string[] = [];
  for (const value of values) {
    const interval = exactOnly || types.length !== 1 ? undefined : intervalOf(value, types[0]);
    if (interval) intervals.push(interval);
    else if (isNamePrefix(value) && types.length === 1 && types[0] === 'ifname' && !exactOnly)
      prefixes.push(value.startsWith);
    else exact.add(keyOf(value, types));
  }
  return (value) =>
    exact.has(value) ||
    intervals.some(([first, last]) => first <= value && value <= last) ||
    prefixes.some((prefix) => String(value).startsWith(prefix));
}

function intervalOf(value: Value, type: LeafType | undefined): readonly [Scalar, Scalar] | undefined {
  if (typeof value !== 'object' || isTuple(value) || isNamePrefix(value)) return undefined;
  if ('length' in value) {
    const bounds = cidrBounds(`${value.address}/${value.length}`);
    if (scalarOf(value.address, type) !== bounds[0])
      throw new Refused(`${value.address}/${value.length} has host bits`);
    return bounds;
  }
  const bounds = [scalarOf(value.from, type), scalarOf(value.to, type)] as const;
  if (bounds[0] > bounds[1]) throw new Refused(`range ${value.from}-${value.to}`);
  return bounds;
}

function isTuple(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function isNamePrefix(value: Value): value is { readonly startsWith: string } {
  return typeof value === 'object' && 'startsWith' in value;
}

/** The values of an operand that is no named set. */
export function operandValues(operand: Exclude<Operand, { readonly set: string }>): readonly Value[] {
  return typeof operand === 'object' && 'elements' in operand ? operand.elements : [operand];
}

/** The bits of nft's words for connection tracking. */
export function wordBits(values: readonly Value[], type: LeafType): number {
  return values.reduce<number>((bits, value) => bits | Number(scalarOf(value, type)), 0);
}
