import { parseAddress } from '../resources/address.js';
import type { EndpointSlice } from '../resources/kinds.js';
import { knownProtocolNumber, supportsPorts } from '../resources/protocol.js';
import type { CountedSet } from './counted-set.js';

/** The sets of services that rules refer to, filled from the endpoint slices of the services. */
export interface ServiceIndex {
  setSlice(id: string, slice: EndpointSlice): void;
  removeSlice(id: string): void;
  /** The set gets what the slices of the service have, now and from now on. */
  addSet(service: string, set: CountedSet): void;
  removeSet(service: string, set: CountedSet): void;
}

/** `NAMESPACE/NAME` of a service. */
export function serviceKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

interface Slice {
  readonly service: string;
  /** Canonical, without prefix length. */
  readonly addresses: readonly string[];
  /** `PROTOCOL:PORT` with numbers. */
  readonly ports: readonly string[];
}

/** What is there of one service; forgotten when nothing is. */
interface Service {
  readonly slices: Set<Slice>;
  readonly sets: Set<CountedSet>;
}

export function serviceIndex(): ServiceIndex {
  const slices = new Map<string, Slice>();
  const services = new Map<string, Service>();

  const change = (key: string, apply: (service: Service) => void): void => {
    const service = services.get(key) ?? { slices: new Set(), sets: new Set() };
    services.set(key, service);
    apply(service);
    if (service.slices.size === 0 && service.sets.size === 0) services.delete(key);
  };

  const add = (slice: Slice): void =>
    change(slice.service, (service) => {
      service.slices.add(slice);
      for (const set of service.sets) count(set, slice, true);
    });

  const remove = (slice: Slice | undefined): void => {
    if (!slice) return;
    change(slice.service, (service) => {
      service.slices.delete(slice);
      for (const set of service.sets) count(set, slice, false);
    });
  };

  return {
    setSlice(id, resource) {
      const old = slices.get(id);
      const slice = sliceOf(resource);
      slices.set(id, slice);
      // What is in both is counted twice for a moment, and so is never missing.
      add(slice);
      remove(old);
    },
    removeSlice(id) {
      remove(slices.get(id));
      slices.delete(id);
    },
    addSet: (key, set) =>
      change(key, (service) => {
        service.sets.add(set);
        for (const slice of service.slices) count(set, slice, true);
      }),
    removeSet: (key, set) => change(key, (service) => service.sets.delete(set)),
  };
}

/** Addresses and ports that can't be used are left out, which is told where the slice is read. */
function sliceOf({ metadata, spec }: EndpointSlice): Slice {
  return {
    service: serviceKey(metadata.namespace, spec.service ?? ''),
    addresses: (spec.addresses ?? []).flatMap((address) => parseAddress(address)?.text ?? []),
    ports: (spec.ports ?? []).flatMap(({ protocol = 'TCP', port }) => {
      const number = supportsPorts(protocol) ? knownProtocolNumber(protocol) : undefined;
      return number === undefined || !isPort(port) ? [] : [`${number}:${port}`];
    }),
  };
}

function isPort(port: number | undefined): port is number {
  return Number.isInteger(port) && port !== undefined && port >= 1 && port <= 65535;
}

function count(set: CountedSet, slice: Slice, add: boolean): void {
  for (const member of membersOf(set, slice)) {
    if (add) set.add(member);
    else set.remove(member);
  }
}

function membersOf({ kind }: CountedSet, { addresses, ports }: Slice): readonly string[] {
  if (kind === 'net') return addresses.map((address) => `${address}/${address.includes(':') ? 128 : 32}`);
  return addresses.flatMap((address) => ports.map((port) => `${address},${port}`));
}
