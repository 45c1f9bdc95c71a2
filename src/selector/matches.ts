import type { Selector } from './selector.js';

/** The labels that a selector is evaluated on, inherited ones included. A Map is one. */
export interface LabelLookup {
  get(label: string): string | undefined;
}

/** Whether a selector selects what has these labels. An empty value counts as present; comparison is exact. */
export function matches(selector: Selector, labels: LabelLookup): boolean {
  switch (selector.kind) {
    case 'all':
    case 'global':
      return true;
    case 'has':
      return labels.get(selector.label) !== undefined;
    case '==':
      return labels.get(selector.label) === selector.value;
    case '!=':
      return labels.get(selector.label) !== selector.value;
    case 'contains':
      return labels.get(selector.label)?.includes(selector.value) ?? false;
    case 'starts with':
      return labels.get(selector.label)?.startsWith(selector.value) ?? false;
    case 'ends with':
      return labels.get(selector.label)?.endsWith(selector.value) ?? false;
    case 'in':
      return isOneOf(labels.get(selector.label), selector.values);
    case 'not in':
      return !isOneOf(labels.get(selector.label), selector.values);
    case '!':
      return !matches(selector.operand, labels);
    case '&&':
      return selector.operands.every((operand) => matches(operand, labels));
    case '||':
      return selector.operands.some((operand) => matches(operand, labels));
  }
}

function isOneOf(value: string | undefined, values: readonly string[]): boolean {
  return value !== undefined && values.includes(value);
}
