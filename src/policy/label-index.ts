import { labelRestrictions } from '../selector/label-restrictions.js';
import { matches } from '../selector/matches.js';
import type { Selector } from '../selector/selector.js';

export type Labels = Readonly<Record<string, string>>;

/** Which items (endpoints, network sets) which selectors select, kept up to date change by change. */
export interface LabelIndex {
  /** Parents are profiles: the item inherits their labels, its own and those of earlier parents go first. */
  setItem(id: string, labels: Labels, parents: readonly string[]): void;
  removeItem(id: string): void;
  /** The labels that a parent passes on; undefined when it is gone. */
  setParent(name: string, labels: Labels | undefined): void;
  setSelector(id: string, selector: Selector): void;
  removeSelector(id: string): void;
  /** The ids of the selectors that select the item. */
  selectorsOf(item: string): ReadonlySet<string>;
}

/** Told of each selector that begins (`true`) or ceases to select an item. */
export type MatchListener = (selector: string, item: string, selected: boolean) => void;

interface Item {
  readonly labels: Labels;
  readonly parents: readonly string[];
  readonly selectors: Set<string>;
}

interface IndexedSelector {
  readonly selector: Selector;
  /** Where candidates are found: items that have this label, with one of these values. */
  readonly anchor: { readonly label: string; readonly values?: readonly string[] } | undefined;
  readonly items: Set<string>;
}

const NONE: ReadonlySet<string> = new Set();

/** Only what a change can concern is evaluated: selectors by the labels they demand, items by the labels that selectors ask for. */
export function labelIndex(listener: MatchListener): LabelIndex {
  const items = new Map<string, Item>();
  const parents = new Map<string, Labels>();
  const children = new Map<string, Set<string>>();
  const selectors = new Map<string, IndexedSelector>();
  const anchored = new Map<string, Set<string>>();
  const itemsByLabel = new Map<string, Map<string, Set<string>>>();

  const labelOf = (item: Item, label: string): string | undefined => {
    if (Object.hasOwn(item.labels, label)) return item.labels[label];
    for (const parent of item.parents) {
      const inherited = parents.get(parent);
      if (inherited && Object.hasOwn(inherited, label)) return inherited[label];
    }
    return undefined;
  };

  const select = (selectorId: string, selector: IndexedSelector, itemId: string, item: Item): void => {
    const selected = matches(selector.selector, { get: (label) => labelOf(item, label) });
    if (selected === item.selectors.has(selectorId)) return;
    if (selected) {
      item.selectors.add(selectorId);
      selector.items.add(itemId);
    } else {
      item.selectors.delete(selectorId);
      selector.items.delete(itemId);
    }
    listener(selectorId, itemId, selected);
  };

  const candidateSelectors = (item: Item): Set<string> => {
    const found = new Set(anchored.get(ANYWHERE));
    const add = (key: string) => {
      for (const id of anchored.get(key) ?? NONE) found.add(id);
    };
    const inherited = item.parents.map((parent) => parents.get(parent) ?? {});
    for (const labels of [item.labels, ...inherited]) {
      for (const [label, value] of Object.entries(labels)) {
        add(anchorKey(label));
        add(anchorKey(label, value));
      }
    }
    return found;
  };

  const evaluate = (id: string, item: Item): void => {
    for (const selectorId of new Set([...item.selectors, ...candidateSelectors(item)])) {
      const selector = selectors.get(selectorId);
      if (selector) select(selectorId, selector, id, item);
    }
  };

  const file = (id: string, item: Item, add: boolean): void => {
    for (const [label, byValue] of itemsByLabel) {
      const value = labelOf(item, label);
      if (value === undefined) continue;
      if (add) member(byValue, value).add(id);
      else byValue.get(value)?.delete(id);
    }
  };

  /** The items that have a label, by its value; made when a selector first asks for the label. */
  const filed = (label: string): Map<string, Set<string>> => {
    let byValue = itemsByLabel.get(label);
    if (byValue) return byValue;
    byValue = new Map();
    itemsByLabel.set(label, byValue);
    for (const [id, item] of items) {
      const value = labelOf(item, label);
      if (value !== undefined) member(byValue, value).add(id);
    }
    return byValue;
  };

  const candidateItems = function* ({ anchor }: IndexedSelector): Iterable<string> {
    if (!anchor) return yield* items.keys();
    const byValue = filed(anchor.label);
    for (const value of anchor.values ?? byValue.keys()) yield* byValue.get(value) ?? NONE;
  };

  const removeItem = (id: string): void => {
    const item = items.get(id);
    if (!item) return;
    for (const selectorId of item.selectors) {
      selectors.get(selectorId)?.items.delete(id);
      listener(selectorId, id, false);
    }
    file(id, item, false);
    for (const parent of item.parents) children.get(parent)?.delete(id);
    items.delete(id);
  };

  const removeSelector = (id: string): void => {
    const selector = selectors.get(id);
    if (!selector) return;
    selectors.delete(id);
    for (const key of anchorKeys(selector)) anchored.get(key)?.delete(id);
    for (const itemId of selector.items) {
      items.get(itemId)?.selectors.delete(id);
      listener(id, itemId, false);
    }
  };

  return {
    setItem(id, labels, itemParents) {
      const old = items.get(id);
      if (old) {
        file(id, old, false);
        for (const parent of old.parents) children.get(parent)?.delete(id);
      }
      const item: Item = { labels, parents: itemParents, selectors: old?.selectors ?? new Set() };
      items.set(id, item);
      for (const parent of itemParents) member(children, parent).add(id);
      file(id, item, true);
      evaluate(id, item);
    },
    removeItem,
    setParent(name, labels) {
      const concerned = [...(children.get(name) ?? NONE)].flatMap((id) => {
        const item = items.get(id);
        return item ? [[id, item] as const] : [];
      });
      for (const [id, item] of concerned) file(id, item, false);
      if (labels) parents.set(name, labels);
      else parents.delete(name);
      for (const [id, item] of concerned) {
        file(id, item, true);
        evaluate(id, item);
      }
    },
    setSelector(id, selector) {
      const old = selectors.get(id);
      const indexed: IndexedSelector = { selector, anchor: anchorOf(selector), items: old?.items ?? new Set() };
      for (const key of old ? anchorKeys(old) : []) anchored.get(key)?.delete(id);
      selectors.set(id, indexed);
      for (const key of anchorKeys(indexed)) member(anchored, key).add(id);
      for (const itemId of new Set([...indexed.items, ...candidateItems(indexed)])) {
        const item = items.get(itemId);
        if (item) select(id, indexed, itemId, item);
      }
    },
    removeSelector,
    selectorsOf: (item) => items.get(item)?.selectors ?? NONE,
  };
}

const ANYWHERE = '';

function anchorKey(label: string, value?: string): string {
  return value === undefined ? label : `${label}=${value}`;
}

/** The demand of a selector that leaves the fewest values. */
function anchorOf(selector: Selector): IndexedSelector['anchor'] {
  let best: IndexedSelector['anchor'];
  for (const [label, { values }] of labelRestrictions(selector)) {
    const better = best === undefined || (values?.length ?? Infinity) < (best.values?.length ?? Infinity);
    if (better) best = values ? { label, values } : { label };
  }
  return best;
}

function anchorKeys({ anchor }: IndexedSelector): string[] {
  if (!anchor) return [ANYWHERE];
  return anchor.values ? anchor.values.map((value) => anchorKey(anchor.label, value)) : [anchorKey(anchor.label)];
}

function member(map: Map<string, Set<string>>, key: string): Set<string> {
  let found = map.get(key);
  if (!found) {
    found = new Set();
    map.set(key, found);
  }
  return found;
}
