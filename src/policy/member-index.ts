import type { EndpointSlice } from '../resources/kinds.js';
import { CountedSet } from './counted-set.js';
import type { MemberSet } from './host-policy.js';
import { type Labels, labelIndex } from './label-index.js';
import type { SelectorSet, SetDefinition } from './resolve-rule.js';
import { serviceIndex } from './service-index.js';

/** What an endpoint or network set brings into the sets that select it. */
export interface Contribution {
  /** Canonical CIDRs. */
  readonly nets: readonly string[];
  readonly ports: readonly NamedPort[];
}

export interface NamedPort {
  readonly name: string;
  readonly protocol: number;
  readonly port: number;
}

/** The members of the sets in use, from all endpoints, network sets and endpoint slices of the cluster. */
export interface MemberIndex {
  setItem(id: string, labels: Labels, parents: readonly string[], contribution: Contribution): void;
  removeItem(id: string): void;
  setParent(name: string, labels: Labels | undefined): void;
  setSlice(id: string, slice: EndpointSlice): void;
  removeSlice(id: string): void;
  /** Each call counts; the set exists until it has been released as often. */
  retain(definition: SetDefinition): void;
  release(id: string): void;
  readonly sets: ReadonlyMap<string, MemberSet>;
}

interface Entry {
  readonly definition: SetDefinition;
  readonly set: CountedSet;
  users: number;
}

export function memberIndex(): MemberIndex {
  const entries = new Map<string, Entry>();
  const sets = new Map<string, MemberSet>();
  const contributions = new Map<string, Contribution>();
  const services = serviceIndex();
  const index = labelIndex((setId, itemId, selected) => {
    const entry = entries.get(setId);
    const contribution = contributions.get(itemId);
    if (entry && contribution) count(entry, contribution, selected);
  });

  const count = ({ definition, set }: Entry, contribution: Contribution, add: boolean): void => {
    if ('service' in definition) return;
    for (const member of membersOf(definition, contribution)) {
      if (add) set.add(member);
      else set.remove(member);
    }
  };

  return {
    setItem(id, labels, parents, contribution) {
      const old = contributions.get(id);
      // Sets that selected it before get the new members in place of the old ones; what changes with the labels comes after.
      for (const setId of index.selectorsOf(id)) {
        const entry = entries.get(setId);
        if (!entry) continue;
        count(entry, contribution, true);
        if (old) count(entry, old, false);
      }
      contributions.set(id, contribution);
      index.setItem(id, labels, parents);
    },
    removeItem(id) {
      index.removeItem(id);
      contributions.delete(id);
    },
    setParent: index.setParent,
    setSlice: services.setSlice,
    removeSlice: services.removeSlice,
    retain(definition) {
      const known = entries.get(definition.id);
      if (known) {
        known.users++;
        return;
      }
      const set = new CountedSet(definition);
      entries.set(definition.id, { definition, set, users: 1 });
      sets.set(definition.id, set);
      if ('service' in definition) services.addSet(definition.service, set);
      else index.setSelector(definition.id, definition.selector);
    },
    release(id) {
      const entry = entries.get(id);
      if (!entry || --entry.users > 0) return;
      entries.delete(id);
      sets.delete(id);
      if ('service' in entry.definition) services.removeSet(entry.definition.service, entry.set);
      else index.removeSelector(id);
    },
    sets,
  };
}

function membersOf({ kind, port }: SelectorSet, { nets, ports }: Contribution): readonly string[] {
  if (kind === 'net') return nets;
  const named = ports.filter(({ name, protocol }) => name === port?.name && (port.protocol ?? protocol) === protocol);
  return named.flatMap((entry) => nets.map((net) => `${withoutLength(net)},${entry.protocol}:${entry.port}`));
}

function withoutLength(net: string): string {
  return net.slice(0, net.lastIndexOf('/'));
}
