import type { ListShape, ShapePart } from '../ruleset/compiled-list.js';

/** Which form each list of policies has, and why, for people. */
export function shapeText(shapes: readonly ListShape[]): string {
  if (shapes.length === 0) return 'no policy applies to an endpoint of this node\n';
  return shapes.map(({ list, parts }) => [list, ...parts.map(partText), ''].join('\n')).join('');
}

function partText(part: ShapePart): string {
  if (part.form === 'in order') return `  in order: ${count(part.rules, 'rule')}; ${part.why}`;
  const { rules, keys, chains, map } = part;
  return `  by port: ${count(rules, 'rule')} for ${count(keys, 'port')} in ${count(chains, 'chain')}, by map ${map}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
