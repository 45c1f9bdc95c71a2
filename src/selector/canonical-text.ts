import type { Selector } from './selector.js';

/**
 * The one text of a selector that its id is made of, the same as Calico's: groups in parentheses, values sorted, one space.
 * It parses to the same meaning, except where a value that did not come from a selector's text holds both kinds of quotes.
 */
export function canonicalText(selector: Selector): string {
  switch (selector.kind) {
    case 'all':
    case 'global':
      return `${selector.kind}()`;
    case 'has':
      return `has(${selector.label})`;
    case '==':
    case '!=':
    case 'contains':
    case 'starts with':
    case 'ends with':
      return `${selector.label} ${selector.kind} ${quote(selector.value)}`;
    case 'in':
    case 'not in':
      return `${selector.label} ${selector.kind} {${selector.values.map(quote).join(', ')}}`;
    case '!':
      return `!${canonicalText(selector.operand)}`;
    case '&&':
    case '||':
      return `(${selector.operands.map(canonicalText).join(` ${selector.kind} `)})`;
  }
}

/** The language has no escapes. */
function quote(value: string): string {
  return value.includes('"') ? `'${value}'` : `"${value}"`;
}
