import type { Family, MemberSet } from '../policy/host-policy.js';
import type { Address } from './address.js';
import { type NetTable, netTable } from './net-table.js';

/** The questions that rules ask about addresses. What is made for an answer is kept, for lists by their identity. */
export interface Lookups {
  inNets(nets: readonly string[], address: Address): boolean;
  hasFamily(nets: readonly string[], family: Family): boolean;
  /** A set of CIDRs looks at the address only, one of addresses with ports also at the rest. A set that is missing is empty. */
  inSet(id: string, address: Address, protocol: number, port: number | undefined): boolean;
  /** What the set stands for. */
  describeSet(id: string): string;
}

export function lookups(sets: ReadonlyMap<string, MemberSet>): Lookups {
  const lists = new WeakMap<readonly string[], NetTable>();
  const tables = new WeakMap<MemberSet, { readonly version: number; readonly table: NetTable }>();

  const ofList = (nets: readonly string[]): NetTable => {
    const known = lists.get(nets);
    if (known) return known;
    const table = netTable(nets);
    lists.set(nets, table);
    return table;
  };

  const ofSet = (set: MemberSet): NetTable => {
    const known = tables.get(set);
    if (known?.version === set.version) return known.table;
    const table = netTable(set.members);
    tables.set(set, { version: set.version, table });
    return table;
  };

  return {
    inNets: (nets, address) => ofList(nets).has(address),
    hasFamily: (nets, family) => ofList(nets).hasFamily(family),
    inSet(id, address, protocol, port) {
      const set = sets.get(id);
      if (set === undefined) return false;
      if (set.kind === 'net') return ofSet(set).has(address);
      return port !== undefined && set.members.has(`${address.text},${protocol}:${port}`);
    },
    describeSet: (id) => sets.get(id)?.description ?? `the set ${id}, which is missing`,
  };
}
