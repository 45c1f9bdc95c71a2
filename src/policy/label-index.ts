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
  readonly id: string;
  readonly labels: Labels;
  readonly shape: Shape;
  /** One of them is not in a Set: that is all that most items of a large cluster have, and a Set takes 200 bytes. */
  selectors: string | Set<string> | undefined;
}

/** Items with the same parents and the same labels, whatever their values are: in a large cluster there are few shapes. */
interface Shape {
  readonly parents: readonly string[];
  readonly labels: readonly string[];
  readonly items: Set<Item>;
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
const NO_ITEMS: ReadonlySet<Item> = new Set();
const NO_LABELS: Labels = {};

/** Only what a change can concern is evaluated: selectors by the labels they demand, items by the labels that selectors ask for. */
export function labelIndex(listener: MatchListener): LabelIndex {
  const items = new Map<string, Item>();
  const shapes = new Map<string, Shape>();
  const shapesByParent = new Map<string, Set<Shape>>();
  const parents = new Map<string, Labels>();
  const selectors = new Map<string, IndexedSelector>();
  const unanchored = new Set<string>();
  const anchored = new Map<string, AnchoredSelectors>();
  const itemsByLabel = new Map<string, Map<string, Set<Item>>>();

  /** The values of labels are always texts: what objects have besides them is none. */
  const labelOf = (item: Item, label: string): string | undefined => {
    const own: unknown = item.labels[label];
    return typeof own === 'string' ? own : inherited(item.shape, label);
  };

  const inherited = (shape: Shape, label: string): string | undefined => {
    for (const parent of shape.parents) {
      const value: unknown = parents.get(parent)?.[label];
      if (typeof value === 'string') return value;
    }
    return undefined;
  };

  const shapeOf = (itemParents: readonly string[], labels: Labels): Shape => {
    const names = Object.keys(labels);
    const key = keyOfShape(itemParents, names);
    const known = shapes.get(key);
    if (known) return known;
    const shape = { parents: itemParents, labels: names, items: new Set<Item>() };
    shapes.set(key, shape);
    for (const parent of itemParents) member(shapesByParent, parent).add(shape);
    return shape;
  };

  let evaluated: Item | undefined;
  const labelsOfEvaluated = { get: (label: string) => evaluated && labelOf(evaluated, label) };

  const select = (selectorId: string, { selector }: IndexedSelector, item: Item): void => {
    evaluated = item;
    const selected = matches(selector, labelsOfEvaluated);
    if (selected === isSelectedBy(item, selectorId)) return;
    if (selected) addSelector(item, selectorId);
    else deleteSelector(item, selectorId);
    listener(selectorId, item.id, selected);
  };

  /** The selectors that select the item now, and those that its labels make possible; some come twice, which changes nothing. */
  const evaluate = (item: Item): void => {
    const tryAll = (ids: Iterable<string>): void => {
      for (const selectorId of ids) {
        const selector = selectors.get(selectorId);
        if (selector) select(selectorId, selector, item);
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
    for (const parent of item.shape.parents) tryAnchored(parents.get(parent) ?? NO_LABELS);
  };

  const file = (item: Item, add: boolean): void => {
    for (const [label, byValue] of itemsByLabel) {
      const value = labelOf(item, label);
      if (value === undefined) continue;
      if (add) member(byValue, value).add(item);
      else byValue.get(value)?.delete(item);
    }
  };

  /** The items that have a label, by its value; made when a selector first asks for the label. */
  const filed = (label: string): Map<string, Set<Item>> => {
    let byValue = itemsByLabel.get(label);
    if (byValue) return byValue;
    byValue = new Map();
    itemsByLabel.set(label, byValue);
    for (const shape of shapes.values()) {
      if (!shape.labels.includes(label) && inherited(shape, label) === undefined) continue;
      for (const item of shape.items) member(byValue, labelOf(item, label) ?? '').add(item);
    }
    return byValue;
  };

  const candidateItems = function* ({ anchor }: IndexedSelector): Iterable<Item> {
    if (!anchor) return yield* items.values();
    const byValue = filed(anchor.label);
    for (const value of anchor.values ?? byValue.keys()) yield* byValue.get(value) ?? NO_ITEMS;
  };

  /** Takes it out of what finds it; the selectors that select it stay. */
  const unfile = (item: Item): void => {
    file(item, false);
    const { shape } = item;
    shape.items.delete(item);
    if (shape.items.size > 0) return;
    shapes.delete(keyOfShape(shape.parents, shape.labels));
    for (const parent of shape.parents) {
      shapesByParent.get(parent)?.delete(shape);
      if (shapesByParent.get(parent)?.size === 0) shapesByParent.delete(parent);
    }
  };

  const removeItem = (id: string): void => {
    const item = items.get(id);
    if (!item) return;
    for (const selectorId of selectorsOf(item)) listener(selectorId, id, false);
    unfile(item);
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
    for (const item of candidateItems(selector)) {
      if (!isSelectedBy(item, id)) continue;
      deleteSelector(item, id);
      listener(id, item.id, false);
    }
  };

  return {
    setItem(id, labels, itemParents) {
      const old = items.get(id);
      if (old) unfile(old);
      const item: Item = { id, labels, shape: shapeOf(itemParents, labels), selectors: old?.selectors };
      items.set(id, item);
      item.shape.items.add(item);
      file(item, true);
      evaluate(item);
    },
    removeItem,
    setParent(name, labels) {
      const concerned = [...(shapesByParent.get(name) ?? [])].flatMap(({ items: own }) => [...own]);
      for (const item of concerned) file(item, false);
      if (labels) parents.set(name, labels);
      else parents.delete(name);
      for (const item of concerned) {
        file(item, true);
        evaluate(item);
      }
    },
    setSelector(id, selector) {
      const old = selectors.get(id);
      const indexed: IndexedSelector = { selector, anchor: anchorOf(selector) };
      if (old) unanchor(id, old.anchor);
      selectors.set(id, indexed);
      anchor(id, indexed.anchor);
      const concerned = old ? new Set([...candidateItems(old), ...candidateItems(indexed)]) : candidateItems(indexed);
      for (const item of concerned) select(id, indexed, item);
    },
    removeSelector,
    selectorsOf: (id) => {
      const item = items.get(id);
      return item ? selectorsOf(item) : NONE;
    },
  };
}

/** Neither names of profiles nor of labels have a line break in them. */
function keyOfShape(parents: readonly string[], labels: readonly string[]): string {
  return `${parents.join('\n')}\n\n${labels.join('\n')}`;
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

function member<T>(map: Map<string, Set<T>>, key: string): Set<T> {
  let found = map.get(key);
  if (!found) {
    found = new Set();
    map.set(key, found);
  }
  return found;
}
