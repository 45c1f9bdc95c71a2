import { anyOf, concat, jump, match, meta, th } from '../nft/expressions.js';
import type { Chain, Rule as NftRule, Statement, Value } from '../nft/objects.js';
import type { ChainPool } from './chain-pool.js';

/** The rules of one policy in a list of policies; the same object as long as they are the same. */
export interface PolicyPart {
  readonly id: string;
  readonly rules: readonly NftRule[];
}

/** Lists with fewer rules stay in one chain. */
const LONG = 128;
/** Policies in a segment: on average, and at most. */
const USUAL = 16;
const MOST = 64;
/** Protocol and port pairs for which a segment is entered. */
const MOST_PORTS = 512;

/**
 * The rules of the policies in order; a long list in segments, chains of their own, so that a change of one policy rewrites its
 * segment only. Where all rules of a segment are for certain ports, other packets pass it by with one look-up.
 */
export function segments(parts: readonly PolicyPart[], pool: ChainPool): NftRule[] {
  const count = parts.reduce((sum, { rules }) => sum + rules.length, 0);
  if (count < LONG) return parts.flatMap(({ rules }) => rules);
  const result: NftRule[] = [];
  let open: PolicyPart[] = [];
  const close = (): void => {
    if (open.length > 0) result.push(segmentRule(open, pool));
    open = [];
  };
  for (const part of parts) {
    if (part.rules.length === 0) continue;
    if (!mayBeJumpedTo(part.rules)) {
      close();
      result.push(...part.rules);
      continue;
    }
    open.push(part);
    // Where a segment ends depends on the policy itself: one more or less elsewhere moves no other from segment to segment.
    if (open.length === MOST || numberOf(part.id) % USUAL === 0) close();
  }
  close();
  return result;
}

const jumpable = new WeakMap<readonly NftRule[], boolean>();

/** Return and goto mean something else one level down. */
function mayBeJumpedTo(rules: readonly NftRule[]): boolean {
  const known = jumpable.get(rules);
  if (known !== undefined) return known;
  const isFree = rules.every(({ statements }) =>
    statements.every(({ kind }) => kind !== 'return' && kind !== 'goto' && kind !== 'vmap'),
  );
  jumpable.set(rules, isFree);
  return isFree;
}

/** FNV-1a. */
function numberOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  // The low bits of the product alone are those of the last characters.
  return (hash ^ (hash >>> 15)) >>> 0;
}

interface Segment {
  readonly parts: readonly PolicyPart[];
  readonly chain: Chain;
  readonly rule: NftRule;
}

/** By the rules of their first policy. */
type Segments = Map<readonly NftRule[], Segment[]>;

// Those of the table in work, and of the one before: most are in both.
let current: { readonly pool: ChainPool | undefined; readonly segments: Segments } = {
  pool: undefined,
  segments: new Map(),
};
let before: Segments = new Map();

function segmentRule(parts: readonly PolicyPart[], pool: ChainPool): NftRule {
  const [first] = parts;
  if (!first) throw new Error('a segment without policies');
  if (current.pool !== pool) {
    before = current.segments;
    current = { pool, segments: new Map() };
  }
  const present = current.segments.get(first.rules) ?? [];
  const isSame = (one: Segment) => hasSameRules(one.parts, parts);
  const segment = present.find(isSame) ?? before.get(first.rules)?.find(isSame) ?? newSegment(parts, pool);
  if (!present.includes(segment)) current.segments.set(first.rules, [...present, segment]);
  pool.keep(segment.chain);
  return segment.rule;
}

function newSegment(parts: readonly PolicyPart[], pool: ChainPool): Segment {
  const rules = parts.flatMap((part) => part.rules);
  const comment = `${parts[0]?.id} to ${parts.at(-1)?.id}`;
  const chain = pool.addChain('policies', comment, rules);
  return { parts, chain, rule: { statements: [...portGuard(rules), jump(chain.name)], comment } };
}

function hasSameRules(a: readonly PolicyPart[], b: readonly PolicyPart[]): boolean {
  return a.length === b.length && a.every(({ rules }, index) => rules === b[index]?.rules);
}

/** What all packets that any of the rules matches have in common, if it is one of some protocols and destination ports. */
function portGuard(rules: readonly NftRule[]): Statement[] {
  const pairs = new Map<string, Value>();
  for (const { statements } of rules) {
    const protocols = numbersOf(statements, (left) => left.kind === 'meta' && left.key === 'l4proto');
    const ports = numbersOf(
      statements,
      (left) => left.kind === 'payload' && left.protocol === 'th' && left.field === 'dport',
    );
    if (!protocols || !ports) return [];
    for (const protocol of protocols) for (const port of ports) pairs.set(`${protocol} ${port}`, [protocol, port]);
    if (pairs.size > MOST_PORTS) return [];
  }
  return [match(concat(meta.l4proto, th.dport), anyOf([...pairs.values()]))];
}

type Match = Extract<Statement, { kind: 'match' }>;

/** The numbers that a rule compares something with; undefined if it does not, or with ranges. */
function numbersOf(
  statements: readonly Statement[],
  of: (left: Match['left']) => boolean,
): readonly number[] | undefined {
  const found = statements.find((one): one is Match => one.kind === 'match' && one.op === '==' && of(one.left));
  if (!found) return undefined;
  const { right } = found;
  if (typeof right === 'number') return [right];
  if (typeof right !== 'object' || !('elements' in right)) return undefined;
  const numbers = right.elements.filter((value) => typeof value === 'number');
  return numbers.length === right.elements.length ? numbers : undefined;
}
