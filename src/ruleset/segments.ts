import { jump } from '../nft/expressions.js';
import type { Chain, Rule as NftRule } from '../nft/objects.js';
import type { ChainPool } from './chain-pool.js';
import { portRule } from './port-rule.js';
import type { PolicyPart } from './rule-groups.js';

/** What the parts of a list need of a pool of chains. */
export type ListPool = Pick<ChainPool, 'addChain' | 'keep'>;

/** Lists with fewer rules stay in one chain. */
const LONG = 128;
/** Policies in a segment: on average, and at most. */
const USUAL = 16;
const MOST = 64;

/**
 * The rules of the policies in order; a long list in segments, chains of their own, so that a change of one policy rewrites its
 * segment only.
 */
export function segments(parts: readonly PolicyPart[], pool: ListPool): NftRule[] {
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

/** Return and goto mean something else one level down. */
function mayBeJumpedTo(rules: readonly NftRule[]): boolean {
  return rules.every((rule) => portRule(rule).jumpable);
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

/** By the rules of their first policy, which most often are the same from one table to the next. */
const known = new WeakMap<readonly NftRule[], Segment[]>();
const MOST_KNOWN = 4;

function segmentRule(parts: readonly PolicyPart[], pool: ListPool): NftRule {
  const [first] = parts;
  if (!first) throw new Error('a segment without policies');
  const similar = known.get(first.rules) ?? [];
  const before = similar.find((one) => hasSameRules(one.parts, parts));
  const segment = before ?? newSegment(parts, pool);
  if (before) pool.keep(before.chain);
  else known.set(first.rules, [...similar.slice(1 - MOST_KNOWN), segment]);
  return segment.rule;
}

function newSegment(parts: readonly PolicyPart[], pool: ListPool): Segment {
  const rules = parts.flatMap((part) => part.rules);
  const comment = `${parts[0]?.id} to ${parts.at(-1)?.id}`;
  const chain = pool.addChain('policies', comment, rules);
  return { parts, chain, rule: { statements: [jump(chain.name)], comment } };
}

function hasSameRules(a: readonly PolicyPart[], b: readonly PolicyPart[]): boolean {
  return a.length === b.length && a.every(({ rules }, index) => rules === b[index]?.rules);
}
