import type { Tier } from '../resources/kinds.js';
import { type EndpointTiers, endpointTiers } from './endpoint-tiers.js';
import type { PolicyFacts } from './policy-facts.js';

export type EndpointKind = 'host' | 'workload';

/** The tiers of endpoints, worked out once for all that the same policies select, and again only when that can change them. */
export interface SharedTiers {
  /** The same object for the same policies: what is made of it can be shared too. */
  of(endpoint: string, kind: EndpointKind, tiers: ReadonlyMap<string, Tier>): EndpointTiers;
  /** A policy selects the endpoint from now on, or not any more. */
  selected(endpoint: string, policy: PolicyFacts, isSelected: boolean): void;
  /** The endpoint is gone, and nothing selects it. */
  forget(endpoint: string): void;
  /** A policy that selects endpoints has another place or class. */
  forgetAll(): void;
  /** Grows whenever the policies of an endpoint may have become others. */
  readonly version: number;
}

/** What is known about the policies of an endpoint. */
interface Selection {
  count: number;
  /** Equal for equal sets of policies, and hardly ever for others. */
  sum: number;
  group: Group | undefined;
}

interface Group {
  readonly sum: number;
  readonly policies: ReadonlySet<string>;
  readonly known: Map<EndpointKind, Known>;
  users: number;
}

interface Known {
  readonly value: EndpointTiers;
  /** What it was made of besides the policies: tiers as they were, absent ones included. */
  readonly tiers: readonly (readonly [string, Tier | undefined])[];
}

export function sharedTiers(
  policiesOf: (endpoint: string) => Iterable<string>,
  facts: ReadonlyMap<string, PolicyFacts>,
): SharedTiers {
  const selections = new Map<string, Selection>();
  const groups = new Map<number, Group[]>();
  let version = 0;

  const selectionOf = (endpoint: string): Selection => {
    const known = selections.get(endpoint);
    if (known) return known;
    const selection = { count: 0, sum: 0, group: undefined };
    selections.set(endpoint, selection);
    return selection;
  };

  const join = (endpoint: string, selection: Selection): Group => {
    const { sum, count } = selection;
    const similar = groups.get(sum) ?? [];
    let group = similar.find(({ policies }) => policies.size === count && hasAll(policies, policiesOf(endpoint)));
    if (!group) {
      group = { sum, policies: new Set(policiesOf(endpoint)), known: new Map(), users: 0 };
      groups.set(sum, [...similar, group]);
    }
    group.users += 1;
    selection.group = group;
    return group;
  };

  const leave = (selection: Selection): void => {
    const { group } = selection;
    selection.group = undefined;
    if (!group || --group.users > 0) return;
    const similar = groups.get(group.sum)?.filter((one) => one !== group) ?? [];
    if (similar.length > 0) groups.set(group.sum, similar);
    else groups.delete(group.sum);
  };

  const calculate = ({ policies }: Group, kind: EndpointKind, tiers: ReadonlyMap<string, Tier>): Known => {
    const selected = [...policies].flatMap((id) => facts.get(id) ?? []);
    const names = new Set(selected.map(({ tier }) => tier));
    return {
      value: endpointTiers(selected, tiers, kind),
      tiers: [...names].map((name) => [name, tiers.get(name)] as const),
    };
  };

  return {
    of(endpoint, kind, tiers) {
      const selection = selectionOf(endpoint);
      const group = selection.group ?? join(endpoint, selection);
      const before = group.known.get(kind);
      if (before?.tiers.every(([name, tier]) => tiers.get(name) === tier)) return before.value;
      const now = calculate(group, kind, tiers);
      group.known.set(kind, now);
      return now.value;
    },
    selected(endpoint, { number }, isSelected) {
      version++;
      const selection = selectionOf(endpoint);
      leave(selection);
      selection.count += isSelected ? 1 : -1;
      // Sums of 32 bits: no order of changes makes another one.
      selection.sum = (selection.sum + Math.imul(number, isSelected ? SPREAD : -SPREAD)) | 0;
    },
    forget(endpoint) {
      const selection = selections.get(endpoint);
      if (!selection) return;
      leave(selection);
      selections.delete(endpoint);
    },
    forgetAll() {
      version++;
      for (const selection of selections.values()) selection.group = undefined;
      groups.clear();
    },
    get version() {
      return version;
    },
  };
}

/** Makes sums of other numbers differ all over (Knuth). */
const SPREAD = 2_654_435_761;

function hasAll(set: ReadonlySet<string>, ids: Iterable<string>): boolean {
  for (const id of ids) if (!set.has(id)) return false;
  return true;
}
