import { addressText, cidrBounds, type Family, familyOf, WIDTH } from './address.js';
import type { World } from './world.js';
import type { Fields } from './world-rules.js';

/** What a packet needs to come to the edge of a rule; what the rule leaves open is missing or empty. */
export interface Aim {
  readonly protocol?: number | undefined;
  readonly icmp?: { readonly type: number; readonly code?: number };
  readonly source: Edges;
  readonly destination: Edges;
}

export interface Edges {
  readonly ports: readonly number[];
  readonly addresses: Readonly<Record<Family, readonly string[]>>;
}

/** The edges of all rules of a world. */
export function aimsOf(world: World): Aim[] {
  return world.resources.flatMap(({ spec }) => {
    const { ingress = [], egress = [] } = spec as { ingress?: Fields[]; egress?: Fields[] };
    return [...ingress, ...egress].map(aimOf);
  });
}

const PROTOCOLS: Readonly<Record<string, number>> = { TCP: 6, UDP: 17, SCTP: 132, ICMP: 1, ICMPv6: 58, UDPLite: 136 };

interface Entity {
  readonly nets?: readonly string[];
  readonly notNets?: readonly string[];
  readonly ports?: readonly (number | string)[];
  readonly notPorts?: readonly (number | string)[];
}

function aimOf(rule: Fields): Aim {
  const protocol = (rule.protocol ?? rule.notProtocol) as string | number | undefined;
  const icmp = (rule.icmp ?? rule.notICMP) as Aim['icmp'];
  return {
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
