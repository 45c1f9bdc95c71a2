import { compareBytes } from './compare-bytes.js';

/** A parsed selector, frozen. Its meaning is that of Calico's selectors (docs.tigera.io, "Selectors"). */
export type Selector = All | Global | Has | Comparison | Membership | Not | Group;

/** Everything; also what an empty selector is. */
export interface All {
  readonly kind: 'all';
}

/** What has no namespace. Meaningful in a namespaceSelector, where it is replaced; elsewhere it is everything. */
export interface Global {
  readonly kind: 'global';
}

export interface Has {
  readonly kind: 'has';
  readonly label: string;
}

/** `!=` is also true without the label; the others need it. */
export interface Comparison {
  readonly kind: '==' | '!=' | 'contains' | 'starts with' | 'ends with';
  readonly label: string;
  readonly value: string;
}

/** `not in` is also true without the label. */
export interface Membership {
  readonly kind: 'in' | 'not in';
  readonly label: string;
  /** Without duplicates, in byte order. */
  readonly values: readonly string[];
}

export interface Not {
  readonly kind: '!';
  readonly operand: Selector;
}

/** At least two operands. A group in parentheses stays a group of its own: `(a && b) && c` is not `a && b && c`. */
export interface Group {
  readonly kind: '&&' | '||';
  readonly operands: readonly Selector[];
}

const ALL: All = Object.freeze({ kind: 'all' });
const GLOBAL: Global = Object.freeze({ kind: 'global' });

/** `all()`. */
export function all(): All {
  return ALL;
}

/** `global()`. */
export function global(): Global {
  return GLOBAL;
}

/** `has(label)`. */
export function has(label: string): Has {
  return Object.freeze({ kind: 'has', label });
}

/** `label == "value"`. */
export function equals(label: string, value: string): Comparison {
  return compare('==', label, value);
}

/** `label KIND "value"`. */
export function compare(kind: Comparison['kind'], label: string, value: string): Comparison {
  return Object.freeze({ kind, label, value });
}

/** `label in {values}`. */
export function isIn(label: string, values: Iterable<string>): Membership {
  return member('in', label, values);
}

/** `label KIND {values}`. */
export function member(kind: Membership['kind'], label: string, values: Iterable<string>): Membership {
  return Object.freeze({ kind, label, values: Object.freeze([...new Set(values)].sort(compareBytes)) });
}

/** `!operand`. */
export function not(operand: Selector): Not {
  return Object.freeze({ kind: '!', operand });
}

/** `a && b && …` with each operand as if in parentheses; one operand is itself, none is `all()`. */
export function and(...operands: readonly Selector[]): Selector {
  return group('&&', operands);
}

/** `a || b || …` with each operand as if in parentheses; one operand is itself. */
export function or(first: Selector, ...more: readonly Selector[]): Selector {
  return group('||', [first, ...more]);
}

/** A chain of one operator; one operand is itself, none is `all()`. */
export function group(kind: Group['kind'], operands: readonly Selector[]): Selector {
  const [first] = operands;
  if (first === undefined) return ALL;
  if (operands.length === 1) return first;
  return Object.freeze({ kind, operands: Object.freeze([...operands]) });
}
