import { createHash } from 'node:crypto';
import { masked } from '../nft/expressions.js';
import type { DataType, Elements, Expression, NamedSet, Value } from '../nft/objects.js';
import type { Family, MemberSet, Members } from '../policy/host-policy.js';
import { elementsIn } from './elements.js';
import { FULL_LENGTH } from './prefix.js';

/**
 * The sets of the host policy as nft sets: one for exact addresses and one for each prefix length, all hash sets. nft up to
 * 1.0.6 reads every interval set of the host back when any element changes, and intervals may not overlap; these may.
 */
export interface SetNames {
  /**
   * What to look up where for "the address is in the set": any of the lookups must find it. The same object while the set has the
   * same prefix lengths.
   */
  lookups(id: string, family: Family, address: Expression): readonly Lookup[];
  /** The set of addresses with protocol and port. */
  ports(id: string, family: Family): string;
  /** The sets that rules asked for, with their elements. */
  readonly used: readonly NamedSet[];
  /** The same sets with other members; undefined if rules would ask for others then. */
  again(sets: ReadonlyMap<string, MemberSet>): readonly NamedSet[] | undefined;
}

/** What to look up in which set. */
export type Lookup = readonly [key: Expression, set: string];

const ADDRESS_TYPE = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const;

export function setNames(sets: ReadonlyMap<string, MemberSet>): SetNames {
  const usedNets = new Map<string, UsedNets>();
  const usedPorts = new Map<string, Set<Family>>();
  const elements = (now: ReadonlyMap<string, MemberSet>): readonly NamedSet[] => [
    ...[...usedNets].flatMap(([id, { families }]) => {
      const nets = renderNets(id, now.get(id));
      return [...families].flatMap((family) => [...nets[family].values()]);
    }),
    ...[...usedPorts].flatMap(([id, families]) => {
      const ports = renderPorts(id, now.get(id));
      return [...families].map((family) => ports[family]);
    }),
  ];
  return {
    lookups(id, family, address) {
      const used = usedNets.get(id) ?? { shape: renderNets(id, sets.get(id)).shape, families: new Set() };
      if (!used.families.has(family)) usedNets.set(id, { ...used, families: used.families.add(family) });
      return lookupsOf(used.shape, family, address);
    },
    ports(id, family) {
      usedPorts.set(id, (usedPorts.get(id) ?? new Set()).add(family));
      return renderPorts(id, sets.get(id))[family].name;
    },
    get used() {
      return elements(sets);
    },
    again(now) {
      const isSame = ([id, { shape }]: readonly [string, UsedNets]) => renderNets(id, now.get(id)).shape === shape;
      return [...usedNets].every(isSame) ? elements(now) : undefined;
    },
  };
}

interface UsedNets {
  /** Not the rendered sets, of which those that have changed since would be kept. */
  readonly shape: Shape;
  readonly families: Set<Family>;
}

function lookupsOf({ names, lookups }: Shape, family: Family, address: Expression): readonly Lookup[] {
  const known = lookups.get(address);
  if (known) return known;
  const made = names[family].map(([length, name]): Lookup => [lookupKey(address, family, length), name]);
  lookups.set(address, made);
  return made;
}

function lookupKey(address: Expression, family: Family, length: number): Expression {
  return length === FULL_LENGTH[family] ? address : masked(address, maskText(family, length));
}

/** The netmask of a prefix length as an address. */
function maskText(family: Family, length: number): string {
  const width = family === 4 ? 8 : 16;
  const groups = Array.from({ length: FULL_LENGTH[family] / width }, (_, index) => {
    const bits = Math.min(width, Math.max(0, length - index * width));
    return 2 ** width - 2 ** (width - bits);
  });
  return family === 4 ? groups.join('.') : compressZeros(groups.map((group) => group.toString(16)));
}

/** A netmask has its zeros at the end: all of them are written as `::`. */
function compressZeros(groups: readonly string[]): string {
  const end = groups.indexOf('0');
  if (end === -1 || end === groups.length - 1) return groups.join(':');
  return `${groups.slice(0, end).join(':')}::`;
}

type ByLength = ReadonlyMap<number, NamedSet>;
type NetSets = Readonly<Record<Family, ByLength>> & { readonly shape: Shape };

/** Of a set of networks: the same object while it has the same prefix lengths. */
interface Shape {
  readonly names: Readonly<Record<Family, readonly (readonly [length: number, name: string])[]>>;
  /** By the address that is looked up. */
  readonly lookups: Map<Expression, readonly Lookup[]>;
}
type PortSets = Readonly<Record<Family, NamedSet>>;

interface Cached<T> {
  readonly version: number;
  readonly value: T;
}

// The object of a set stays the same while it changes; its version tells. Large sets are rendered once for many changes of rules.
const renderedNets = new WeakMap<MemberSet, Cached<NetSets>>();
const renderedPorts = new WeakMap<MemberSet, Cached<PortSets>>();

function cached<T>(
  cache: WeakMap<MemberSet, Cached<T>>,
  set: MemberSet | undefined,
  render: (before: T | undefined) => T,
): T {
  const found = set && cache.get(set);
  if (found && found.version === set.version) return found.value;
  const value = render(found?.value);
  if (set) cache.set(set, { version: set.version, value });
  return value;
}

function renderNets(id: string, set: MemberSet | undefined): NetSets {
  return cached(renderedNets, set, (before) => {
    const render = (family: Family): ByLength => {
      const groups = (set?.groups ?? []).filter((group) => group.family === family);
      const members = new Map(groups.map((group) => [group.length, group.members]));
      const lengths = [...new Set([FULL_LENGTH[family], ...members.keys()])].sort((a, b) => b - a);
      const type = [ADDRESS_TYPE[family]];
      return new Map(
        lengths.map((length) => {
          const known = before?.[family].get(length);
          return [
            length,
            namedSet(id, set, `${family}-${length}`, type, members.get(length), ADDRESSES[family], known),
          ];
        }),
      );
    };
    const nets = { 4: render(4), 6: render(6) };
    const isSame = before && hasSameKeys(before[4], nets[4]) && hasSameKeys(before[6], nets[6]);
    return {
      ...nets,
      shape: isSame ? before.shape : { names: { 4: namesOf(nets[4]), 6: namesOf(nets[6]) }, lookups: new Map() },
    };
  });
}

const ADDRESSES = {
  4: elementsIn({ value: (member) => member, member: String, inOrder: true }),
  6: elementsIn({ value: (member) => member, member: String, inOrder: false }),
};

function namesOf(sets: ByLength): Shape['names'][Family] {
  return [...sets].map(([length, { name }]) => [length, name] as const);
}

function hasSameKeys(a: ByLength, b: ByLength): boolean {
  return a.size === b.size && [...a.keys()].every((length) => b.has(length));
}

function renderPorts(id: string, set: MemberSet | undefined): PortSets {
  return cached(renderedPorts, set, (before) => {
    const render = (family: Family) => {
      const members = set?.groups.find((group) => group.family === family)?.members;
      const type = [ADDRESS_TYPE[family], 'inet_proto', 'inet_service'] as const;
      return namedSet(id, set, `${family}-port`, type, members, PORTS, before?.[family]);
    };
    return { 4: render(4), 6: render(6) };
  });
}

const PORTS = elementsIn({
  value(member) {
    const [address = '', protocolAndPort = ''] = member.split(',');
    const [protocol, port] = protocolAndPort.split(':').map(Number);
    return [address, protocol ?? 0, port ?? 0];
  },
  member(value) {
    const [address, protocol, port] = Array.isArray(value) ? value : [];
    return `${address},${protocol}:${port}`;
  },
  inOrder: false,
});

/** The set with these members; the one before if they are still its. */
function namedSet(
  id: string,
  set: MemberSet | undefined,
  suffix: string,
  type: readonly DataType[],
  members: Members | undefined,
  elementsOf: (members: Members) => Elements,
  before: NamedSet | undefined,
): NamedSet {
  const elements = members ? elementsOf(members) : NONE;
  if (before?.elements === elements) return before;
  return { name: `s-${idHash(id)}-${suffix}`, type, comment: set?.description ?? id, elements };
}

const NONE: readonly Value[] = [];

/** Set ids are long and may have any characters; names of nft may not. */
function idHash(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 16);
}
