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
  /** The ids of the selectors that select the item; to be read before anything changes. */
  selectorsOf(item: string): Iterable<string>;
}

/** Told of each selector that begins (`true`) or ceases to select an item. It must not change the index. */
export type MatchListener = (selector: string, item: string, selected: boolean) => void;

interface Item {
  readonly labels: Labels;
  readonly parents: readonly string[];
  /** One of them is not in a Set: that is all that most items of a large cluster have, and a Set takes 200 bytes. */
  selectors: string | Set<string> | undefined;
}

interface IndexedSelector {
  readonly selector: Selector;
  /** Where candidates are found: items that have this label, with one of these values. */
  readonly anchor: Anchor | undefined;
}

interface Anchor {
  readonly label: string;
  readonly values?: readonly string[];
}

/** The selectors that are anchored at a label: with any value, and with which. */
interface AnchoredSelectors {
  readonly any: Set<string>;
  readonly byValue: Map<string, Set<string>>;
}

const NONE: ReadonlySet<string> = new Set();
const NO_LABELS: Labels = {};

/** Only what a change can concern is evaluated: selectors by the labels they demand, items by the labels that selectors ask for. */
export function labelIndex(listener: MatchListener): LabelIndex {
  const items = new Map<string, Item>();
  const parents = new Map<string, Labels>();
  const children = new Map<string, Set<string>>();
  const selectors = new Map<string, IndexedSelector>();
  const unanchored = new Set<string>();
  const anchored = new Map<string, AnchoredSelectors>();
  const itemsByLabel = new Map<string, Map<string, Set<string>>>();

  /** The values of labels are always texts: what objects have besides them is none. */
  const labelOf = (item: Item, label: string): string | undefined => {
    const own: unknown = item.labels[label];
    if (typeof own === 'string') return own;
    for (const parent of item.parents) {
      const inherited: unknown = parents.get(parent)?.[label];
      if (typeof inherited === 'string') return inherited;
    }
    return undefined;
  };

  let evaluated: Item = { labels: {}, parents: [], selectors: undefined };
  const labelsOfEvaluated = { get: (label: string) => labelOf(evaluated, label) };

  const select = (selectorId: string, { selector }: IndexedSelector, itemId: string, item: Item): void => {
    evaluated = item;
    const selected = matches(selector, labelsOfEvaluated);
    if (selected === isSelectedBy(item, selectorId)) return;
    if (selected) addSelector(item, selectorId);
    else deleteSelector(item, selectorId);
    listener(selectorId, itemId, selected);
  };

  /** The selectors that select the item now, and those that its labels make possible; some come twice, which changes nothing. */
  const evaluate = (id: string, item: Item): void => {
    const tryAll = (ids: Iterable<string>): void => {
      for (const selectorId of ids) {
        const selector = selectors.get(selectorId);
        if (selector) select(selectorId, selector, id, item);
      }
    };
    const tryAnchored = (labels: Labels): void => {
      for (const label in labels) {
        const here = anchored.get(label);
        if (!here) continue;
        tryAll(here.any);
        tryAll(here.byValue.get(labels[label] ?? '') ?? NONE);
      }
    };
    if (item.selectors !== undefined) tryAll([...selectorsOf(item)]);
    tryAll(unanchored);
    if (anchored.size === 0) return;
    tryAnchored(item.labels);
    for (const parent of item.parents) tryAnchored(parents.get(parent) ?? NO_LABELS);
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
    for (const selectorId of selectorsOf(item)) listener(selectorId, id, false);
    file(id, item, false);
    for (const parent of item.parents) children.get(parent)?.delete(id);
    items.delete(id);
  };

  const anchor = (id: string, at: Anchor | undefined): void => {
    if (!at) {
      unanchored.add(id);
      return;
    }
    const here = anchored.get(at.label) ?? { any: new Set(), byValue: new Map() };
    anchored.set(at.label, here);
    if (!at.values) here.any.add(id);
    for (const value of at.values ?? []) member(here.byValue, value).add(id);
  };

  const unanchor = (id: string, at: Anchor | undefined): void => {
    unanchored.delete(id);
    const here = at && anchored.get(at.label);
    if (!here) return;
    here.any.delete(id);
    for (const value of at.values ?? []) {
      here.byValue.get(value)?.delete(id);
      if (here.byValue.get(value)?.size === 0) here.byValue.delete(value);
    }
    if (here.any.size === 0 && here.byValue.size === 0) anchored.delete(at.label);
  };

  const removeSelector = (id: string): void => {
    const selector = selectors.get(id);
    if (!selector) return;
    selectors.delete(id);
    unanchor(id, selector.anchor);
    for (const itemId of candidateItems(selector)) {
      const item = items.get(itemId);
      if (!item || !isSelectedBy(item, id)) continue;
      deleteSelector(item, id);
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
      const item: Item = { labels, parents: itemParents, selectors: old?.selectors };
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
      const indexed: IndexedSelector = { selector, anchor: anchorOf(selector) };
      if (old) unanchor(id, old.anchor);
      selectors.set(id, indexed);
      anchor(id, indexed.anchor);
      const concerned = old ? new Set([...candidateItems(old), ...candidateItems(indexed)]) : candidateItems(indexed);
      for (const itemId of concerned) {
        const item = items.get(itemId);
        if (item) select(id, indexed, itemId, item);
      }
    },
    removeSelector,
    selectorsOf: (id) => {
      const item = items.get(id);
      return item ? selectorsOf(item) : NONE;
    },
  };
}

function selectorsOf({ selectors }: Item): Iterable<string> {
  if (selectors === undefined) return NONE;
  return typeof selectors === 'string' ? [selectors] : selectors;
}

function isSelectedBy({ selectors }: Item, id: string): boolean {
  return typeof selectors === 'object' ? selectors.has(id) : selectors === id;
}

function addSelector(item: Item, id: string): void {
  const { selectors } = item;
  if (typeof selectors === 'object') selectors.add(id);
  else item.selectors = selectors === undefined ? id : new Set([selectors, id]);
}

function deleteSelector(item: Item, id: string): void {
  const { selectors } = item;
  if (typeof selectors === 'object') selectors.delete(id);
  else if (selectors === id) item.selectors = undefined;
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

function member(map: Map<string, Set<string>>, key: string): Set<string> {
  let found = map.get(key);
  if (!found) {
    found = new Set();
    map.set(key, found);
  }
  return found;
}
