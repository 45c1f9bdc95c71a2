import { compare, group, has, member, not, type Selector } from './selector.js';

/**
 * Puts a prefix before every label: `pcns.` makes a namespaceSelector one on what endpoints inherit from their namespace.
 * Calico prints and parses the result, which takes away double negations: so does this, or the ids would differ.
 */
export function prefixLabels(selector: Selector, prefix: string): Selector {
  return mapLeaves(withoutDoubleNegation(selector), (leaf) => prefixLabel(leaf, prefix));
}

/** Puts another selector in the place of each `all()`: in a namespaceSelector it means what has a namespace. */
export function replaceAll(selector: Selector, replacement: Selector): Selector {
  return mapLeaves(selector, (leaf) => (leaf.kind === 'all' ? replacement : leaf));
}

/** Puts another selector in the place of each `global()`: in a namespaceSelector it means what has no namespace. */
export function replaceGlobal(selector: Selector, replacement: Selector): Selector {
  return mapLeaves(selector, (leaf) => (leaf.kind === 'global' ? replacement : leaf));
}

type Leaf = Exclude<Selector, { readonly kind: '!' | '&&' | '||' }>;

function mapLeaves(selector: Selector, change: (leaf: Leaf) => Selector): Selector {
  switch (selector.kind) {
    case '!':
      return not(mapLeaves(selector.operand, change));
    case '&&':
    case '||':
      return group(
        selector.kind,
        selector.operands.map((operand) => mapLeaves(operand, change)),
      );
    default:
      return change(selector);
  }
}

function prefixLabel(leaf: Leaf, prefix: string): Leaf {
  switch (leaf.kind) {
    case 'all':
    case 'global':
      return leaf;
    case 'has':
      return has(prefix + leaf.label);
    case 'in':
    case 'not in':
      return member(leaf.kind, prefix + leaf.label, leaf.values);
    default:
      return compare(leaf.kind, prefix + leaf.label, leaf.value);
  }
}

function withoutDoubleNegation(selector: Selector): Selector {
  switch (selector.kind) {
    case '!': {
      const operand = withoutDoubleNegation(selector.operand);
      return operand.kind === '!' ? operand.operand : not(operand);
    }
    case '&&':
    case '||':
      return group(selector.kind, selector.operands.map(withoutDoubleNegation));
    default:
      return selector;
  }
}
