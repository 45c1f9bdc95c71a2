import type { Selector } from './selector.js';

/** What a selector demands of one label of everything that it matches. */
export interface LabelRestriction {
  readonly mustBePresent: true;
  /** The label has one of these; none: the selector matches nothing. Undefined: any value. */
  readonly values?: readonly string[];
}

export type LabelRestrictions = ReadonlyMap<string, LabelRestriction>;

/**
 * Labels that everything a selector matches has, and the values these can have: what an index finds candidates with.
 * It is a necessary condition only, and not always the sharpest; no entry means nothing is known.
 */
export function labelRestrictions(selector: Selector): LabelRestrictions {
  switch (selector.kind) {
    case 'has':
    case 'contains':
    case 'starts with':
    case 'ends with':
      return new Map([[selector.label, PRESENT]]);
    case '==':
      return new Map([[selector.label, { ...PRESENT, values: [selector.value] }]]);
    case 'in':
      return new Map([[selector.label, { ...PRESENT, values: selector.values }]]);
    case '&&':
      return selector.operands.map(labelRestrictions).reduce(bothHold);
    case '||':
      return selector.operands.map(labelRestrictions).reduce(oneHolds);
    default:
      return new Map();
  }
}

const PRESENT: LabelRestriction = { mustBePresent: true };

function bothHold(a: LabelRestrictions, b: LabelRestrictions): LabelRestrictions {
  const both = new Map(a);
  for (const [label, { values }] of b) {
    const others = both.get(label)?.values;
    const common = values && others ? values.filter((value) => others.includes(value)) : (values ?? others);
    both.set(label, restriction(common));
  }
  return both;
}

function oneHolds(a: LabelRestrictions, b: LabelRestrictions): LabelRestrictions {
  const either = new Map<string, LabelRestriction>();
  for (const [label, { values }] of a) {
    const other = b.get(label);
    if (other === undefined) continue;
    either.set(label, restriction(values && other.values && [...new Set([...values, ...other.values])]));
  }
  return either;
}

function restriction(values: readonly string[] | undefined): LabelRestriction {
  return values === undefined ? PRESENT : { ...PRESENT, values };
}
