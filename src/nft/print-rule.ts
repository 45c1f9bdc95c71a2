import {
  anonymousKeys,
  type CanonicalMatch,
  canonicalExpression,
  canonicalMatch,
  isShared,
  type Match,
  verdictsByKey,
} from './canonical-match.js';
import { canonicalValue, isNamePrefix, isPrefix, isRange, isTuple, sortedValues } from './canonical-value.js';
import type { MapElement } from './change.js';
import { NftError } from './driver.js';
import type { Expression, Rule, Statement, Value, Verdict } from './objects.js';
import { commentText, interfaceNameText, interfacePrefixText, logPrefixText, objectName } from './safe-text.js';
import { typesOf, type ValueType } from './value-type.js';
import { withOrigin } from './with-origin.js';

/** The part of `print.ts` for what is inside a rule. */

const lines = new WeakMap<Rule, string>();

/** A rule on one line, with its comment. */
export function ruleSyntax(rule: Rule): string {
  const known = lines.get(rule);
  if (known !== undefined) return known;
  const line = ruleLine(rule);
  lines.set(rule, line);
  return line;
}

function ruleLine(rule: Rule): string {
  return withOrigin(rule, () => {
    const comment = commentText(rule.comment ?? '');
    const statements = rule.statements.map(statementSyntax);
    if (statements.length === 0) throw new NftError('invalid', 'a rule without statements');
    return [...statements, ...(comment === '' ? [] : [`comment "${comment}"`])].join(' ');
  });
}

function statementSyntax(statement: Statement): string {
  switch (statement.kind) {
    case 'match':
      return knownMatchSyntax(statement);
    case 'vmap':
      return vmapSyntax(statement);
    case 'counter':
    case 'notrack':
      return statement.kind;
    case 'limit':
      return limitSyntax(statement);
    case 'log':
      return `log prefix "${logPrefixText(statement.prefix)}" level info`;
    case 'mark':
      return markSyntax(statement);
    case 'reject':
      // For both families. nft lists it in the same way, whatever the rule matched before.
      return statement.tcpReset ? 'reject with tcp reset' : 'reject with icmpx type port-unreachable';
    case 'ct count':
      return `ct count over ${positive(statement.over)}`;
    case 'dnat':
    case 'snat':
      return natSyntax(statement);
    default:
      return verdictSyntax(statement);
  }
}

const matches = new WeakMap<Match, string>();

function knownMatchSyntax(statement: Match): string {
  const known = matches.get(statement);
  if (known !== undefined) return known;
  const syntax = matchSyntax(canonicalMatch(statement));
  if (isShared(statement)) matches.set(statement, syntax);
  return syntax;
}

function matchSyntax({ left, op, right }: CanonicalMatch): string {
  const expression = expressionSyntax(left);
  if ('set' in right) return `${expression} ${operator(left, op)}@${objectName(right.set)}`;
  const types = typesOf(left);
  const values = right.values.map((value) => valueSyntax(value, types));
  // `==` and `!=` would compare the whole word: `ct status != dnat` is true for DNATed connections too.
  if (left.kind === 'ct') return `${expression} ${op === '==' ? '' : '! '}${values.join(',')}`;
  const [only] = values;
  // nft refuses a single tuple outside of a set.
  const single = values.length === 1 && types.length === 1 ? only : undefined;
  return `${expression} ${operator(left, op)}${single ?? setSyntax(values)}`;
}

function operator(left: Expression, op: '==' | '!='): string {
  if (op === '!=') return '!= ';
  return left.kind === 'masked' ? '== ' : '';
}

function setSyntax(elements: readonly string[]): string {
  return `{ ${elements.join(', ')} }`;
}

function vmapSyntax({ key, map }: Extract<Statement, { kind: 'vmap' }>): string {
  const expression = canonicalExpression(key);
  const start = `${expressionSyntax(expression)} vmap`;
  if ('name' in map) return `${start} @${objectName(map.name)}`;
  const types = typesOf(expression);
  const keys = anonymousKeys(
    map.elements.map(([value]) => value),
    types,
  );
  return `${start} ${setSyntax(elementsWithVerdicts(keys, map.elements, types))}`;
}

/** `key : verdict` for each element of a named map, sorted by key. */
export function mapElementsSyntax(elements: readonly MapElement[], types: readonly ValueType[]): readonly string[] {
  const keys = elements.map(([value]) => value);
  return elementsWithVerdicts(sortedValues(keys, types), elements, types);
}

function elementsWithVerdicts(keys: readonly Value[], elements: readonly MapElement[], types: readonly ValueType[]) {
  const verdicts = verdictsByKey(elements, types, verdictSyntax);
  return keys.map((key) => `${valueSyntax(key, types)} : ${verdicts.get(JSON.stringify(key))}`);
}

function verdictSyntax(verdict: Verdict): string {
  return 'chain' in verdict ? `${verdict.kind} ${objectName(verdict.chain)}` : verdict.kind;
}

function limitSyntax({ rate, per, burst, over }: Extract<Statement, { kind: 'limit' }>): string {
  return `limit rate ${over ? 'over ' : ''}${positive(rate)}/${per} burst ${positive(burst)} packets`;
}

function positive(number: number): number {
  if (Number.isInteger(number) && number >= 1 && number <= 0xffffffff) return number;
  throw new NftError('invalid', `${number} is not a limit: rates, bursts and counts are integers from 1 to 2^32-1`);
}

function natSyntax({ kind, to }: Extract<Statement, { kind: 'dnat' | 'snat' }>): string {
  const type = to.includes(':') ? 'ipv6_addr' : 'ipv4_addr';
  const address = scalarSyntax(canonicalValue(to, [type]), type);
  return `${kind} ${type === 'ipv6_addr' ? 'ip6' : 'ip'} to ${address}`;
}

function markSyntax({ and, or }: Extract<Statement, { kind: 'mark' }>): string {
  const mask = scalarSyntax(canonicalValue(and, ['mark']), 'mark');
  const bits = scalarSyntax(canonicalValue(or, ['mark']), 'mark');
  return `meta mark set meta mark & ${mask} | ${bits}`;
}

function expressionSyntax(expression: Expression): string {
  switch (expression.kind) {
    case 'meta':
      return ['iif', 'iifname', 'oifname'].includes(expression.key) ? expression.key : `meta ${expression.key}`;
    case 'ct':
      return `ct ${expression.key}`;
    case 'payload':
      return `${expression.protocol} ${expression.field}`;
    case 'masked':
      return `${expressionSyntax(expression.expression)} & ${valueSyntax(expression.mask, typesOf(expression))}`;
    case 'concat':
      return expression.parts.map(expressionSyntax).join(' . ');
  }
}

/** A value of an expression or element with these types; it must be canonical. */
export function valueSyntax(value: Value, types: readonly ValueType[]): string {
  const parts = isTuple(value) ? value : [value];
  return parts.map((part, index) => scalarSyntax(part, types[index])).join(' . ');
}

function scalarSyntax(value: Value, type: ValueType | undefined): string {
  if (isPrefix(value)) return `${value.address}/${value.length}`;
  if (isRange(value)) return `${value.from}-${value.to}`;
  if (isNamePrefix(value)) return `"${interfacePrefixText(value.startsWith)}"`;
  if (typeof value === 'number') return numberSyntax(value, type);
  if (type === 'ifname' && typeof value === 'string') return `"${interfaceNameText(value)}"`;
  return String(value);
}

function numberSyntax(value: number, type: ValueType | undefined): string {
  if (type === 'mark') return `0x${value.toString(16).padStart(8, '0')}`;
  return (type === 'inet_proto' && PROTOCOLS.get(value)) || String(value);
}

/** Protocols that nft knows without /etc/protocols, which may be missing. */
const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'icmpv6'],
  [132, 'sctp'],
  [136, 'udplite'],
]);
