import type { Rule as NftRule } from '../nft/objects.js';
import { portRule } from './port-rule.js';

/** The rules of one policy in a list of policies; the same object as long as they are the same. */
export interface PolicyPart {
  readonly id: string;
  readonly rules: readonly NftRule[];
}

/** A stretch of a list in which the rules for certain ports may be tried before the others. */
export interface RuleGroup {
  readonly byPort: readonly NftRule[];
  /** What is to be tried after them. */
  readonly others: readonly PolicyPart[];
  /** Both, in their original order. */
  readonly all: readonly PolicyPart[];
}

interface OpenGroup {
  readonly byPort: NftRule[];
  readonly others: PartsBuilder;
  readonly all: PartsBuilder;
  /** Verdict and protocol of each of the others. */
  readonly passed: Map<string, NftRule>;
}

/**
 * Cuts a list into groups: a rule for certain ports may go before earlier rules that are not, if it has the same verdict as each of
 * them, or another protocol. Order among the others, and among those for the same port, stays.
 */
export function ruleGroups(
  parts: readonly PolicyPart[],
  isByPort: (rule: NftRule) => boolean,
  areAllByPort: (rules: readonly NftRule[]) => boolean = (rules) => rules.every(isByPort),
): readonly RuleGroup[] {
  const groups: RuleGroup[] = [];
  let open = emptyGroup();
  const close = (): void => {
    const { byPort, others, all } = open;
    const parts = all.parts;
    if (parts.length > 0) groups.push({ byPort, others: others.parts, all: parts });
    open = emptyGroup();
  };
  for (const part of parts) {
    if (open.passed.size === 0 && areAllByPort(part.rules)) {
      open.byPort.push(...part.rules);
      open.all.addAll(part);
      continue;
    }
    for (const rule of part.rules) {
      const movable = isByPort(rule);
      if (movable && !mayPass(rule, open.passed.values())) close();
      if (movable) open.byPort.push(rule);
      else note(rule, part, open);
      open.all.add(rule, part);
    }
  }
  close();
  return groups;
}

function emptyGroup(): OpenGroup {
  return { byPort: [], others: partsBuilder(), all: partsBuilder(), passed: new Map() };
}

function note(rule: NftRule, part: PolicyPart, { others, passed }: OpenGroup): void {
  const { verdict, protocol } = portRule(rule);
  others.add(rule, part);
  passed.set(`${verdict} ${protocol}`, rule);
}

/** Whether it makes no difference which of them comes first. */
function mayPass(rule: NftRule, others: Iterable<NftRule>): boolean {
  const own = portRule(rule);
  for (const one of others) {
    const other = portRule(one);
    const sameVerdict = own.verdict !== undefined && own.verdict === other.verdict;
    const neverBoth = own.protocol !== undefined && other.protocol !== undefined && own.protocol !== other.protocol;
    if (!sameVerdict && !neverBoth) return false;
  }
  return true;
}

interface PartsBuilder {
  readonly parts: readonly PolicyPart[];
  add(rule: NftRule, of: PolicyPart): void;
  addAll(part: PolicyPart): void;
}

/** Parts of policies; one with all rules of its policy is that policy's part itself, for what is remembered about it. */
function partsBuilder(): PartsBuilder {
  const open: { readonly of: PolicyPart; readonly rules: NftRule[] }[] = [];
  return {
    get parts() {
      return open.map(({ of, rules }) => (rules.length === of.rules.length ? of : { id: of.id, rules }));
    },
    add(rule, of) {
      const last = open.at(-1);
      if (last?.of === of) last.rules.push(rule);
      else open.push({ of, rules: [rule] });
    },
    addAll(part) {
      if (part.rules.length > 0) open.push({ of: part, rules: [...part.rules] });
    },
  };
}
