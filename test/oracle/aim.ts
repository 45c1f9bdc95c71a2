import { addressText, cidrBounds, type Family, familyOf, WIDTH } from './address.js';
import type { World } from './world.js';
import type { Fields } from './world-rules.js';

/** What a packet needs to come to the edge of a rule; what the rule leaves open is missing or empty. */
export interface Aim {
  readonly direction: Direction;
  /** Whether the rule is for what host endpoints forward, too. */
  readonly onForward: boolean;
  readonly protocol?: number | undefined;
  readonly icmp?: { readonly type: number; readonly code?: number };
  readonly source: Edges;
  readonly destination: Edges;
}

export type Direction = 'ingress' | 'egress';

export interface Edges {
  readonly ports: readonly number[];
  readonly addresses: Readonly<Record<Family, readonly string[]>>;
}

/** The edges of all rules of a world. */
export function aimsOf(world: World): Aim[] {
  const services = servicesOf(world);
  return world.resources.flatMap(({ metadata, spec }) => {
    const { ingress = [], egress = [], applyOnForward } = spec as Policy;
    const { namespace } = metadata as { namespace?: string };
    const aims = (rules: readonly Fields[], direction: Direction) => {
      const place = { direction, onForward: applyOnForward === true };
      return rules.flatMap((rule) => [aimOf(rule, place), ...serviceAims(rule, place, namespace, services)]);
    };
    return [...aims(ingress, 'ingress'), ...aims(egress, 'egress')];
  });
}

interface Policy {
  readonly ingress?: Fields[];
  readonly egress?: Fields[];
  readonly applyOnForward?: boolean;
}

type Place = Pick<Aim, 'direction' | 'onForward'>;

interface Service {
  readonly addresses: string[];
  readonly ports: { readonly protocol?: string; readonly port?: number }[];
}

/** By namespace and name. */
function servicesOf({ resources }: World): ReadonlyMap<string, Service> {
  const services = new Map<string, Service>();
  for (const { kind, metadata, spec } of resources) {
    if (kind !== 'EndpointSlice') continue;
    const { service, addresses, ports } = spec as Partial<Service> & { service?: string };
    const key = `${(metadata as { namespace?: string }).namespace}/${service}`;
    const found = services.get(key) ?? { addresses: [], ports: [] };
    services.set(key, found);
    found.addresses.push(...(addresses ?? []).filter((address) => /^[0-9a-f:.]+$/.test(address)));
    found.ports.push(...(ports ?? []));
  }
  return services;
}

/** The endpoints of a service that a rule names, with each of its ports and the ones beside it. */
function serviceAims(
  rule: Fields,
  place: Place,
  own: string | undefined,
  services: ReadonlyMap<string, Service>,
): Aim[] {
  const { source, destination } = rule as { source?: Entity; destination?: Entity };
  const match = source?.services ?? destination?.services;
  const service = match && services.get(`${match.namespace ?? own}/${match.name}`);
  if (!service) return [];
  const addresses = { 4: addressesOf(service, 4), 6: addressesOf(service, 6) };
  if (source?.services) return [{ ...aimOf(rule, place), source: { ports: [], addresses } }];
  return service.ports.map(({ protocol = 'TCP', port = 80 }) => ({
    ...place,
    protocol: PROTOCOLS[protocol],
    source: NO_EDGES,
    destination: { ports: [port, port, port, port + 1], addresses },
  }));
}

function addressesOf({ addresses }: Service, family: Family): string[] {
  return addresses
    .filter((address) => familyOf(address) === family)
    .flatMap((address) => [address, ...addressEdges(address)]);
}

const NO_EDGES: Edges = { ports: [], addresses: { 4: [], 6: [] } };

const PROTOCOLS: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, SCTP: 132, ICMP: 1, ICMPv6: 58, UDPLite: 136 };

interface Entity {
  readonly nets?: readonly string[];
  readonly notNets?: readonly string[];
  readonly ports?: readonly (number | string)[];
  readonly notPorts?: readonly (number | string)[];
  readonly services?: { readonly name?: string; readonly namespace?: string };
}

function aimOf(rule: Fields, place: Place): Aim {
  const protocol = (rule.protocol ?? rule.notProtocol) as string | number | undefined;
  const icmp = (rule.icmp ?? rule.notICMP) as Aim['icmp'];
  return {
    ...place,
    protocol: typeof protocol === 'string' ? PROTOCOLS[protocol] : protocol,
    ...(icmp ? { icmp } : {}),
    source: edgesOf((rule.source ?? {}) as Entity),
    destination: edgesOf((rule.destination ?? {}) as Entity),
  };
}

function edgesOf({ nets = [], notNets = [], ports = [], notPorts = [] }: Entity): Edges {
  const addresses = (family: Family) =>
    [...nets, ...notNets].filter((net) => familyOf(net) === family).flatMap((net) => addressEdges(net));
  return { ports: [...ports, ...notPorts].flatMap(portEdges), addresses: { 4: addresses(4), 6: addresses(6) } };
}

/** First and last address of a network, and those beside them. */
export function addressEdges(net: string): string[] {
  const family = familyOf(net);
  const [first, last] = cidrBounds(net);
  const inRange = [first, last, first - 1n, last + 1n].filter((value) => value >= 0n && value < 1n << WIDTH[family]);
  return inRange.map((value) => addressText(family, value));
}

/** Twice what is inside, once what is beside it. A name stands for the ports that endpoints give to it. */
function portEdges(port: number | string): number[] {
  const [from = '', to = from] = String(port).split(':');
  if (!/^\d/.test(from)) return [80, 8080, 53];
  const [first, last] = [Number(from), Number(to)];
  return [first, last, first, last, Math.max(0, first - 1), Math.min(65535, last + 1)];
}
