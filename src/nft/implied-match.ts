import type { Match } from './canonical-match.js';
import { match, meta } from './expressions.js';
import type { Expression } from './objects.js';

const IPV4 = match(meta.nfproto, 'ipv4');
const IPV6 = match(meta.nfproto, 'ipv6');

/**
 * What nft itself matches before it looks at the header, in tables of family inet. Ports (`th`) imply nothing: which
 * transport protocol it is has to be matched by the rule.
 */
export function impliedMatches(expression: Expression): readonly Match[] {
  switch (expression.kind) {
    case 'masked':
      return impliedMatches(expression.expression);
    case 'concat':
      return expression.parts.flatMap(impliedMatches);
    case 'payload':
      return IMPLIED[expression.protocol];
    default:
      return [];
  }
}

const IMPLIED = {
  ip: [IPV4],
  ip6: [IPV6],
  icmp: [IPV4, match(meta.l4proto, 1)],
  icmpv6: [IPV6, match(meta.l4proto, 58)],
  th: [],
} as const;
