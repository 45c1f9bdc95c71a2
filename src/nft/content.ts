import { canonicalAddress } from './address.js';
import {
  addVerdict,
  anonymousKeys,
  canonicalExpression,
  canonicalMatch,
  isShared,
  type Match,
  verdictsByKey,
} from './canonical-match.js';
import { canonicalValue, mergedValues } from './canonical-value.js';
import type { ChainContent, ElementTexts, SetContent, TableContent } from './driver.js';
import { match, meta } from './expressions.js';
import { impliedMatches } from './implied-match.js';
import type {
  BaseChain,
  Chain,
  Elements,
  Expression,
  NamedSet,
  Rule,
  Statement,
  Table,
  Value,
  Verdict,
  VerdictMap,
} from './objects.js';
import { commentText, logPrefixText } from './safe-text.js';
import { typesOf } from './value-type.js';
import { withOrigin } from './with-origin.js';

/** A statement that Margay doesn't make, as the JSON text in which nft lists it. */
export interface OpaqueStatement {
  readonly kind: 'opaque';
  readonly json: string;
}

// Tables are frozen trees of which most stays the same from one change to the next, so results are kept with the objects.
const describedLists = new WeakMap<readonly Chain[], TableContent['chains']>();
const describedChains = new WeakMap<Chain, ChainContent>();
const describedMatches = new WeakMap<Match, { readonly described: unknown; readonly text: string }>();
const describedRules = new WeakMap<Rule, string>();
const describedSets = new WeakMap<NamedSet | VerdictMap, SetContent>();

/**
 * What the kernel will tell about the table once it is loaded: the same as `parseListing` of nft's listing of it. Rules and
 * elements are described when they are first looked at, which those of objects that stay the same never are; that throws
 * NftError `invalid`, with the origin, for values that nft can't load.
 */
export function describeTable(table: Table): TableContent {
  return {
    chains: remembered(describedLists, table.chains, describeChains),
    sets: new Map([
      ...table.sets.map((set) => [set.name, remembered(describedSets, set, describeSet)] as const),
      ...table.maps.map((map) => [map.name, remembered(describedSets, map, describeMap)] as const),
    ]),
    others: [],
    flagged: false,
  };
}

/** The same object for the same list, which tells that no chain has changed. */
function describeChains(chains: readonly Chain[]): TableContent['chains'] {
  return new Map(chains.map((chain) => [chain.name, remembered(describedChains, chain, describeChain)]));
}

function remembered<K extends object, T, V extends K>(cache: WeakMap<K, T>, key: V, describe: (key: V) => T): T {
  const found = cache.get(key);
  if (found !== undefined) return found;
  const value = describe(key);
  cache.set(key, value);
  return value;
}

function describeChain(chain: Chain): ChainContent {
  let rules: readonly string[] | undefined;
  return {
    header: chainHeader(chain.base),
    get rules() {
      rules ??= chain.rules.map((rule) => remembered(describedRules, rule, describeRule));
      return rules;
    },
  };
}

/** The text of a chain's header; `extra` is what a listing tells and Margay never writes. */
export function chainHeader(base?: BaseChain, policy = 'accept', extra?: unknown): string {
  const header = base ? [base.type, base.hook, base.priority, policy] : [];
  return JSON.stringify(extra === undefined ? header : [...header, extra]);
}

function describeRule(rule: Rule): string {
  return withOrigin(rule, () => ruleText(rule.statements, commentText(rule.comment ?? '')));
}

/** The text of a rule: statements in their one form, then the comment. */
export function ruleText(statements: readonly (Statement | OpaqueStatement)[], comment: string): string {
  return JSON.stringify([canonicalStatements(statements), comment]);
}

/**
 * Matches next to each other are a conjunction, so their order and repetition mean nothing. Those of protocols are implied by
 * others, and nft leaves some of them out of listings (`ip saddr` implies `meta nfproto ipv4`): all are added, where they are
 * needed first.
 */
function canonicalStatements(statements: readonly (Statement | OpaqueStatement)[]): readonly unknown[] {
  const result: unknown[] = [];
  const conjunction = new Map<string, unknown>();
  const protocols = new Set<string>();
  const add = (match: Match) => {
    const { described, text } = isShared(match)
      ? remembered(describedMatches, match, describeOnce)
      : describeOnce(match);
    if (protocols.has(text)) return;
    if (isProtocol(match)) protocols.add(text);
    conjunction.set(text, described);
  };
  for (const statement of statements) {
    for (const implied of impliedBy(statement)) add(implied);
    if (statement.kind === 'match') add(statement);
    else {
      result.push(...inOrder(conjunction), describeStatement(statement));
      conjunction.clear();
    }
  }
  return [...result, ...inOrder(conjunction)];
}

function describeOnce(match: Match) {
  const described = describeMatch(match);
  return { described, text: JSON.stringify(described) };
}

function impliedBy(statement: Statement | OpaqueStatement): readonly Match[] {
  if (statement.kind === 'match') return [...impliedMatches(statement.left), ...impliedFamily(statement)];
  if (statement.kind === 'reject') return statement.tcpReset ? [match(meta.l4proto, 6)] : [];
  return statement.kind === 'vmap' ? impliedMatches(statement.key) : [];
}

/** nft lists no `meta nfproto` beside a protocol that belongs to one family. */
function impliedFamily({ left, op, right }: Match): readonly Match[] {
  if (op !== '==' || left.kind !== 'meta' || left.key !== 'l4proto') return [];
  return right === 1 ? [match(meta.nfproto, 'ipv4')] : right === 58 ? [match(meta.nfproto, 'ipv6')] : [];
}

function isProtocol({ left }: Match): boolean {
  return left.kind === 'meta' && (left.key === 'nfproto' || left.key === 'l4proto');
}

function inOrder(conjunction: ReadonlyMap<string, unknown>): readonly unknown[] {
  return [...conjunction.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, match]) => match);
}

function describeMatch(match: Match): unknown {
  const { left, op, right } = canonicalMatch(match);
  const expression = describeExpression(left);
  if ('set' in right) return [expression, op, `@${right.set}`];
  const values = left.kind === 'masked' ? right.values : mergedValues(right.values, typesOf(left));
  const [only] = values;
  // An interface with a name like `@a` is listed in the same way as a named set.
  return [expression, op, values.length === 1 && typeof only === 'string' && only.startsWith('@') ? only : values];
}

function describeExpression(expression: Expression): unknown {
  switch (expression.kind) {
    case 'payload':
      return `${expression.protocol} ${expression.field}`;
    case 'masked':
      return [describeExpression(expression.expression), '&', expression.mask];
    case 'concat':
      return expression.parts.map(describeExpression);
    default:
      return `${expression.kind} ${expression.key}`;
  }
}

function describeStatement(statement: Exclude<Statement, Match> | OpaqueStatement): unknown {
  switch (statement.kind) {
    case 'vmap':
      return ['vmap', describeExpression(canonicalExpression(statement.key)), describeInlineMap(statement)];
    case 'log':
      return ['log', logPrefixText(statement.prefix)];
    case 'mark':
      // What becomes of a mark of all zeros and of all ones: that determines each bit, however it is written.
      return ['mark', statement.or >>> 0, (statement.and | statement.or) >>> 0];
    case 'limit':
      return ['limit', statement.rate, statement.per, statement.burst, statement.over ?? false];
    case 'ct count':
      return ['ct count', statement.over];
    case 'dnat':
    case 'snat':
      return [statement.kind, canonicalAddress(statement.to, statement.to.includes(':') ? 128 : 32)];
    case 'reject':
      return ['reject', statement.tcpReset ?? false];
    case 'jump':
    case 'goto':
      return verdictText(statement);
    case 'opaque':
      return ['opaque', statement.json];
    default:
      return statement.kind;
  }
}

function describeInlineMap({ key, map }: Extract<Statement, { kind: 'vmap' }>): unknown {
  if ('name' in map) return map.name;
  const types = typesOf(key);
  const verdicts = verdictsByKey(map.elements, types, verdictText);
  const keys = map.elements.map(([value]) => value);
  return anonymousKeys(keys, types).map((value) => [value, verdicts.get(JSON.stringify(value))]);
}

function describeSet(set: NamedSet): SetContent {
  const header = setHeader('set', set.type, set.interval ? ['interval'] : []);
  const { elements: held } = set;
  if (isHeld(held)) return describeHeld(header, held);
  let elements: ElementTexts | undefined;
  return {
    kind: 'set',
    header,
    get elements() {
      elements ??= withOrigin(set, () => new Map(held.map((value) => [elementKey(value, set), ''])));
      return elements;
    },
  };
}

const heldOf = new WeakMap<SetContent, Elements>();

/** Texts are made of what is asked for only. */
function describeHeld(header: string, held: Elements): SetContent {
  const content: SetContent = {
    kind: 'set',
    header,
    elements: {
      size: held.length,
      get: (key) => (held.has(JSON.parse(key)) ? '' : undefined),
      *[Symbol.iterator]() {
        for (const value of held) yield [JSON.stringify(value), ''];
      },
    },
    changesSince(earlier) {
      const before = heldOf.get(earlier);
      return before && held.changesSince(before);
    },
  };
  heldOf.set(content, held);
  return content;
}

/** By somebody else, and not as an array. */
export function isHeld(elements: NamedSet['elements']): elements is Elements {
  return !Array.isArray(elements);
}

function describeMap(map: VerdictMap): SetContent {
  let elements: ElementTexts | undefined;
  return {
    kind: 'map',
    header: setHeader('map', map.type, []),
    get elements() {
      elements ??= describeElements(map);
      return elements;
    },
  };
}

const describedElements = new WeakMap<VerdictMap['elements'][number], readonly [key: string, verdict: string]>();

function describeElements({ elements, type }: VerdictMap): ReadonlyMap<string, string> {
  const verdicts = new Map<string, string>();
  for (const element of elements) {
    const [key, text] = remembered(describedElements, element, ([value, verdict]) => [
      JSON.stringify(canonicalValue(value, type)),
      verdictText(verdict),
    ]);
    addVerdict(verdicts, key, text);
  }
  return verdicts;
}

function elementKey(value: Value, set: NamedSet | VerdictMap): string {
  return JSON.stringify(canonicalValue(value, set.type));
}

/** The text of a set's header; `extra` is what a listing tells and Margay never writes. */
export function setHeader(
  kind: 'set' | 'map',
  type: readonly string[],
  flags: readonly string[],
  extra?: unknown,
): string {
  return JSON.stringify(extra === undefined ? [kind, type, flags] : [kind, type, flags, extra]);
}

export function verdictText(verdict: Verdict): string {
  return 'chain' in verdict ? `${verdict.kind} ${verdict.chain}` : verdict.kind;
}
