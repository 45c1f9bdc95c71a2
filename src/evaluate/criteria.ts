import type { EntityMatch, PortMatch, Rule } from '../policy/host-policy.js';
import type { Address } from './address.js';
import { type Header, ICMP } from './header.js';
import type { Lookups } from './lookups.js';
import { addressText, icmpText, netsText, portsText, protocolText } from './words.js';

/** One thing that a rule may ask for. A rule that does not ask for it has it fulfilled. */
export interface Criterion {
  holds(rule: Rule, header: Header, lookups: Lookups): boolean;
  /** Why it does not hold. */
  why(rule: Rule, header: Header, lookups: Lookups): string;
}

type Side = 'source' | 'destination';

const ipVersion: Criterion = {
  holds: ({ ipVersion: wanted }, { family }) => wanted === undefined || wanted === family,
  why: ({ ipVersion: wanted }, { family }) => `it is for IPv${wanted} only, the packet is IPv${family}`,
};

const protocol: Criterion = {
  holds: ({ protocol: wanted }, header) => wanted === undefined || wanted === header.protocol,
  why: ({ protocol: wanted }, header) => `protocol ${protocolText(header.protocol)} is not ${protocolText(wanted)}`,
};

const notProtocol: Criterion = {
  holds: ({ notProtocol: unwanted }, header) => unwanted === undefined || unwanted !== header.protocol,
  why: (_, header) => `protocol ${protocolText(header.protocol)} is excluded`,
};

/** A look into the ICMP header is possible in ICMP only, so that either criterion asks for ICMP too. */
const icmp: Criterion = {
  holds: ({ icmp: wanted }, header) => wanted === undefined || icmpMatches(wanted, header) === true,
  why: ({ icmp: wanted }, header) => `${icmpText(header)} is not ${icmpText(wanted)}`,
};

const notICMP: Criterion = {
  holds: ({ notICMP: unwanted }, header) => unwanted === undefined || icmpMatches(unwanted, header) === false,
  why: ({ notICMP: unwanted }, header) =>
    icmpMatches(unwanted, header) === undefined
      ? `protocol ${protocolText(header.protocol)} is not ICMP of the rule's family`
      : `${icmpText(unwanted)} is excluded`,
};

/** Type and code together are one value: another code with the same type is another message. Undefined: it is no ICMP. */
function icmpMatches(wanted: Rule['icmp'], header: Header): boolean | undefined {
  if (header.protocol !== ICMP[header.family] || header.icmpType === undefined) return undefined;
  const type = wanted?.type === undefined || wanted.type === header.icmpType;
  return type && (wanted?.code === undefined || wanted.code === header.icmpCode);
}

function nets(side: Side): Criterion {
  return {
    holds: ({ [side]: { nets: wanted } }, header, { inNets }) => wanted === undefined || inNets(wanted, header[side]),
    why: ({ [side]: { nets: wanted } }, header) => `${addressText(side, header)} is not in ${netsText(wanted)}`,
  };
}

/** Calico leaves a rule out for a family that one of its lists has no network of, even if the list is a negated one. */
function notNets(side: Side): Criterion {
  return {
    holds: ({ [side]: { notNets: unwanted } }, header, { inNets, hasFamily }) =>
      unwanted === undefined || (hasFamily(unwanted, header.family) && !inNets(unwanted, header[side])),
    why: ({ [side]: { notNets: unwanted } }, header, { hasFamily }) =>
      unwanted !== undefined && !hasFamily(unwanted, header.family)
        ? `${side} notNets has no IPv${header.family} network, so the rule does not exist for IPv${header.family}`
        : `${addressText(side, header)} is in notNets ${netsText(unwanted)}`,
  };
}

function set(side: Side): Criterion {
  return {
    holds: ({ [side]: { set: id } }, header, { inSet }) => id === undefined || inSet(id, ...tuple(side, header)),
    why: ({ [side]: { set: id } }, header, { describeSet }) =>
      `${addressText(side, header)} is not selected by ${describeSet(id ?? '')}`,
  };
}

function notSet(side: Side): Criterion {
  return {
    holds: ({ [side]: { notSet: id } }, header, { inSet }) => id === undefined || !inSet(id, ...tuple(side, header)),
    why: ({ [side]: { notSet: id } }, header, { describeSet }) =>
      `${addressText(side, header)} is selected by ${describeSet(id ?? '')}, which is excluded`,
  };
}

function service(side: Side): Criterion {
  return {
    holds: ({ [side]: { service: id } }, header, { inSet }) => id === undefined || inSet(id, ...tuple(side, header)),
    why: ({ [side]: { service: id } }, header, { describeSet }) =>
      `${addressText(side, header)}${portSuffix(side, header)} is no endpoint of ${describeSet(id ?? '')}`,
  };
}

function ports(side: Side): Criterion {
  return {
    holds: ({ [side]: entity }, header, lookups) =>
      entity.ports === undefined || portMatches(entity.ports, side, header, lookups),
    why: ({ [side]: entity }, header, { describeSet }) =>
      portsWhy('is not in', entity, 'ports', side, header, describeSet),
  };
}

function notPorts(side: Side): Criterion {
  return {
    holds: ({ [side]: entity }, header, lookups) =>
      entity.notPorts === undefined || !portMatches(entity.notPorts, side, header, lookups),
    why: ({ [side]: entity }, header, { describeSet }) =>
      portsWhy('is in notPorts', entity, 'notPorts', side, header, describeSet),
  };
}

/** A packet whose protocol has no ports has none in any range or set. */
function portMatches({ ranges, sets }: PortMatch, side: Side, header: Header, { inSet }: Lookups): boolean {
  const port = portOf(side, header);
  if (port === undefined) return false;
  if (ranges.some(({ from, to }) => from <= port && port <= to)) return true;
  return sets.some((id) => inSet(id, ...tuple(side, header)));
}

function portsWhy(
  relation: string,
  entity: EntityMatch,
  field: 'ports' | 'notPorts',
  side: Side,
  header: Header,
  describeSet: (id: string) => string,
): string {
  const port = portOf(side, header);
  if (port === undefined) return `protocol ${protocolText(header.protocol)} has no ${side} port`;
  const match = entity[field];
  const address = match && match.sets.length > 0 ? ` of ${header[side].text}` : '';
  return `${side} port ${port}${address} ${relation} ${portsText(match, describeSet)}`;
}

function tuple(side: Side, header: Header): [Address, number, number | undefined] {
  return [header[side], header.protocol, portOf(side, header)];
}

function portOf(side: Side, header: Header): number | undefined {
  return side === 'source' ? header.sourcePort : header.destinationPort;
}

function portSuffix(side: Side, header: Header): string {
  const port = portOf(side, header);
  return port === undefined ? '' : ` with ${protocolText(header.protocol)} port ${port}`;
}

function side(which: Side): Criterion[] {
  return [nets, notNets, set, notSet, service, ports, notPorts].map((criterion) => criterion(which));
}

/** Every criterion of a rule; all must hold (docs.tigera.io, "Rule" and "EntityRule" of a network policy). */
export const criteria: readonly Criterion[] = [
  ipVersion,
  protocol,
  notProtocol,
  icmp,
  notICMP,
  ...side('source'),
  ...side('destination'),
];
