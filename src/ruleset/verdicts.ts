import { accept, drop, masked, meta, notMatch, notrack, reject, setMark } from '../nft/expressions.js';
import type { Rule, Statement } from '../nft/objects.js';
import type { PolicyParameters } from '../policy/host-policy.js';

/** The four kinds of policy of an endpoint, as Calico's documentation names them. */
export type PolicyClass = 'normal' | 'forward' | 'preDNAT' | 'untracked';

/**
 * What a stage does with a packet that it allows or denies. Each stage has a base chain of its own, so `accept` ends the stage
 * and no other, and `drop` ends everything. Only what raw and pre-DNAT policy allow must be known to later hooks: in a mark.
 */
export interface Verdicts {
  readonly allow: readonly Statement[];
  readonly deny: readonly Statement[];
}

export function verdictsOf(policyClass: PolicyClass, parameters: PolicyParameters): Verdicts {
  const deny = [parameters.filterDenyAction === 'REJECT' ? reject : drop];
  switch (policyClass) {
    case 'normal':
    case 'forward':
      return { allow: [accept], deny };
    case 'preDNAT':
      return { allow: [markAllowed(parameters), accept], deny };
    case 'untracked':
      return { allow: [notrack, markAllowed(parameters), accept], deny };
  }
}

/** The lowest bit of the mask: "a stage before connection tracking or NAT has allowed this packet". */
export function allowedBit(parameters: PolicyParameters): number {
  return (parameters.markMask & -parameters.markMask) >>> 0;
}

function markAllowed(parameters: PolicyParameters): Statement {
  const bit = allowedBit(parameters);
  return setMark(~bit >>> 0, bit);
}

/** Matches packets that an earlier hook has allowed. */
export function allowedMark(parameters: PolicyParameters): Statement {
  return notMatch(masked(meta.mark, allowedBit(parameters)), 0);
}

/** A mark that a packet brings along means nothing; the other bits belong to others. */
export function clearAllowedMark(parameters: PolicyParameters): Rule {
  return { statements: [setMark(~allowedBit(parameters) >>> 0, 0)], comment: 'nothing is allowed yet' };
}
