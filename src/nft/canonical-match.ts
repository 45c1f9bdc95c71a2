import { formatAddress, parseAddress } from './address.js';
import { canonicalValue, fromInterval, isInterval, mergedValues, sortedValues } from './canonical-value.js';
import { NftError } from './driver.js';
import type { Expression, Operand, Statement, Value, Verdict } from './objects.js';
import { addressBits, LARGEST, typesOf, type ValueType } from './value-type.js';

export type Match = Extract<Statement, { kind: 'match' }>;

/** A match in its one form: values are sorted, ranges merged as nft does, and `address & netmask == value` is a prefix. */
export interface CanonicalMatch {
  readonly left: Expression;
  readonly op: '==' | '!=';
  readonly right: { readonly set: string } | { readonly values: readonly Value[] };
}

/** The one form of a match. Throws NftError `invalid` if nft could not load it, or it could never match. */
export function canonicalMatch({ left, op, right }: Match): CanonicalMatch {
  const expression = canonicalExpression(left);
  const types = typesOf(expression);
  if (isNamedSet(right)) return { left: expression, op, right };
  const values = elementsOf(operandValues(right), expression, types);
  if (values.length === 0) throw new NftError('invalid', 'an anonymous set has no elements: nft refuses it');
  return (
    withoutNetmask({ kind: 'match', left: expression, op, right }, values) ?? {
      left: expression,
      op,
      right: { values },
    }
  );
}

/** Matches of named sets and single values stand in many rules: what is worked out from one is worth keeping. */
export function isShared({ right }: Match): boolean {
  return typeof right !== 'object' || 'set' in right;
}

/** Plain values stay apart, so that the kernel can use a hash set; nft merges them only where there is a range among them. */
function elementsOf(values: readonly Value[], left: Expression, types: readonly ValueType[]): readonly Value[] {
  const sorted = sortedValues(values, types);
  if (sorted.length > 1) refuseStars(sorted, types);
  return left.kind !== 'masked' && sorted.some(isInterval) ? mergedValues(sorted, types) : sorted;
}

/** The keys of an anonymous map, sorted. */
export function anonymousKeys(values: readonly Value[], types: readonly ValueType[]): readonly Value[] {
  const sorted = sortedValues(values, types);
  if (sorted.length === 0) throw new NftError('invalid', 'an anonymous map has no elements: nft refuses it');
  refuseStars(sorted, types);
  return sorted;
}

/** The text of each key's verdict, by the JSON text of the canonical key. */
export function verdictsByKey(
  elements: readonly (readonly [Value, Verdict])[],
  types: readonly ValueType[],
  textOf: (verdict: Verdict) => string,
): ReadonlyMap<string, string> {
  const verdicts = new Map<string, string>();
  for (const [value, verdict] of elements) {
    addVerdict(verdicts, JSON.stringify(canonicalValue(value, types)), textOf(verdict));
  }
  return verdicts;
}

/** Throws NftError `invalid` if the key has another verdict. */
export function addVerdict(verdicts: Map<string, string>, key: string, text: string): void {
  if ((verdicts.get(key) ?? text) !== text) throw new NftError('invalid', `${key} has two verdicts in one map`);
  verdicts.set(key, text);
}

/** In anonymous sets and maps nft 1.0.6 lists the name `x*` and the wildcard `x*` in the same way. */
function refuseStars(values: readonly Value[], types: readonly ValueType[]): void {
  const star = types.length === 1 && types[0] === 'ifname' && values.find((value) => String(value).endsWith('*'));
  if (star)
    throw new NftError('invalid', `interface name ${JSON.stringify(star)} in an anonymous set: use a named one`);
}

/** nft lists `address & netmask == value` as a prefix, and marks likewise: `meta mark 0x00010000/16`. */
function withoutNetmask({ left, op }: Match, values: readonly Value[]): CanonicalMatch | undefined {
  const [type] = typesOf(left);
  const [value] = values;
  if (left.kind !== 'masked' || type === undefined || value === undefined) return undefined;
  const mask = maskNumber(left.mask, type);
  for (const each of values) checkBits(each, mask, type);
  const hostBits = allOnes(type) ^ mask;
  const hasPrefixes = addressBits(type) !== undefined || type === 'mark';
  if (!hasPrefixes || values.length !== 1 || (hostBits & (hostBits + 1n)) !== 0n) return undefined;
  const first = valueNumber(value, type);
  return { left: left.expression, op, right: { values: [fromInterval({ first, last: first | hostBits }, type)] } };
}

/** The one form of an expression: a mask of all ones is left out. */
export function canonicalExpression(expression: Expression): Expression {
  if (expression.kind === 'concat') return { kind: 'concat', parts: expression.parts.map(canonicalExpression) };
  if (expression.kind !== 'masked') return expression;
  const inner = expression.expression;
  const [type] = typesOf(inner);
  if (inner.kind === 'masked' || inner.kind === 'concat' || type === undefined) {
    throw new NftError('invalid', `a mask on a ${inner.kind} expression`);
  }
  const bits = addressBits(type);
  const mask = maskNumber(expression.mask, type);
  if (mask === allOnes(type)) return inner;
  return { kind: 'masked', expression: inner, mask: bits === undefined ? Number(mask) : formatAddress(mask, bits) };
}

export function isNamedSet(operand: Operand): operand is { readonly set: string } {
  return typeof operand === 'object' && 'set' in operand;
}

export function operandValues(operand: Exclude<Operand, { readonly set: string }>): readonly Value[] {
  return typeof operand === 'object' && 'elements' in operand ? operand.elements : [operand];
}

function allOnes(type: ValueType): bigint {
  const bits = addressBits(type);
  return bits === undefined ? BigInt(LARGEST[type] ?? 0) : (1n << BigInt(bits)) - 1n;
}

function maskNumber(mask: number | string, type: ValueType): bigint {
  return valueNumber(canonicalValue(mask, [type]), type);
}

function checkBits(value: Value, mask: bigint, type: ValueType): void {
  if ((valueNumber(value, type) & ~mask) !== 0n) {
    throw new NftError('invalid', `${JSON.stringify(value)} has bits outside its mask: it would never match`);
  }
}

function valueNumber(value: Value, type: ValueType): bigint {
  const bits = addressBits(type);
  if (bits !== undefined && typeof value === 'string') return parseAddress(value, bits);
  if (bits === undefined && typeof value === 'number') return BigInt(value);
  throw new NftError('invalid', `${JSON.stringify(value)} can't be compared under a mask`);
}
