import { cidrText, parseCidr } from '../resources/address.js';
import type { EntityRule, IcmpMatch, Rule as ResourceRule } from '../resources/kinds.js';
import { parsePort } from '../resources/port.js';
import { protocolNumber } from '../resources/protocol.js';
import { canonicalText } from '../selector/canonical-text.js';
import { all, type Selector } from '../selector/selector.js';
import { selectorId, uniqueId } from '../selector/unique-id.js';
import { ruleSelectors } from './effective-selector.js';
import type { EntityMatch, Family, Icmp, PortMatch, Rule } from './host-policy.js';
import { serviceKey } from './service-index.js';

/** A set that a rule refers to, and what belongs to it. */
export type SetDefinition = SelectorSet | ServiceSet;

interface CommonSet {
  readonly id: string;
  readonly kind: 'net' | 'ip,port';
  readonly description: string;
}

export interface SelectorSet extends CommonSet {
  readonly selector: Selector;
  /** For named ports: endpoints that have a port of this name and protocol (undefined: any). */
  readonly port?: { readonly name: string; readonly protocol: number | undefined };
}

/** The addresses of the endpoints of a service, with their ports or without. */
export interface ServiceSet extends CommonSet {
  /** `NAMESPACE/NAME` */
  readonly service: string;
}

export interface ResolvedRule {
  readonly rule: Rule;
  readonly sets: readonly SetDefinition[];
}

/** A rule of a resource with everything but the members of its sets resolved (docs.tigera.io, "Rule" of a network policy). */
export function resolveRule(rule: ResourceRule, namespace: string | undefined): ResolvedRule {
  const sets: SetDefinition[] = [];
  const protocol = rule.protocol === undefined ? undefined : protocolNumber(rule.protocol);
  const side = (entity: EntityRule | undefined, role: 'source' | 'destination') =>
    resolveSide(entity ?? {}, role, protocol, namespace, sets);
  return {
    rule: {
      action: rule.action,
      ipVersion: familyOf(rule, protocol),
      protocol,
      notProtocol: rule.notProtocol === undefined ? undefined : protocolNumber(rule.notProtocol),
      icmp: icmpOf(rule.icmp),
      notICMP: icmpOf(rule.notICMP),
      source: side(rule.source, 'source'),
      destination: side(rule.destination, 'destination'),
      annotations: rule.metadata?.annotations,
    },
    sets,
  };
}

const ICMP_FAMILY: Readonly<Record<number, Family>> = { 1: 4, 58: 6 };

/** The names ICMP and ICMPv6 imply their family; their numbers only where the rule looks into the ICMP header. */
function familyOf(rule: ResourceRule, protocol: number | undefined): Family | undefined {
  if (rule.ipVersion !== undefined) return rule.ipVersion;
  if (protocol === undefined) return undefined;
  const implied = typeof rule.protocol === 'string' || rule.icmp !== undefined || rule.notICMP !== undefined;
  return implied ? ICMP_FAMILY[protocol] : undefined;
}

function icmpOf(match: IcmpMatch | undefined): Icmp | undefined {
  return match?.type === undefined ? undefined : { type: match.type, code: match.code };
}

function resolveSide(
  entity: EntityRule,
  role: 'source' | 'destination',
  protocol: number | undefined,
  namespace: string | undefined,
  sets: SetDefinition[],
): EntityMatch {
  const use = (definition: SetDefinition): string => {
    sets.push(definition);
    return definition.id;
  };
  const { positive, negative } = ruleSelectors(entity, namespace);
  const ports = resolvePorts(entity.ports, positive, protocol, use);
  const notPorts = resolvePorts(entity.notPorts, positive, protocol, use);
  // The sets of named ports hold only what the selector selects, so that another look-up of the address is not needed.
  const needed = positive && !(ports && ports.sets.length > 0 && ports.ranges.length === 0);
  return {
    nets: netsOf(entity.nets),
    notNets: netsOf(entity.notNets),
    set: needed ? use(selectorSet(positive)) : undefined,
    notSet: negative ? use(selectorSet(negative)) : undefined,
    ports,
    notPorts,
    service: entity.services ? use(serviceSet(entity.services, role, namespace)) : undefined,
  };
}

/** An empty list is no criterion. */
function netsOf(nets: readonly string[] | undefined): readonly string[] | undefined {
  if (nets === undefined || nets.length === 0) return undefined;
  return [...new Set(nets.map(canonicalNet))].sort();
}

function canonicalNet(net: string): string {
  const cidr = parseCidr(net);
  if (!cidr) throw new Error(`net ${JSON.stringify(net)} was not validated`);
  return cidrText(cidr);
}

function resolvePorts(
  ports: EntityRule['ports'],
  selector: Selector | undefined,
  protocol: number | undefined,
  use: (definition: SetDefinition) => string,
): PortMatch | undefined {
  if (ports === undefined || ports.length === 0) return undefined;
  const parsed = ports.map(parsePort);
  return {
    ranges: parsed.flatMap((port) => ('name' in port ? [] : [port])).slice(),
    sets: parsed.flatMap((port) => ('name' in port ? [use(namedPortSet(port.name, selector ?? all(), protocol))] : [])),
  };
}

const selectorSets = new WeakMap<Selector, SelectorSet>();

function selectorSet(selector: Selector): SelectorSet {
  const known = selectorSets.get(selector);
  if (known) return known;
  const set = { id: selectorId(selector), kind: 'net', description: canonicalText(selector), selector } as const;
  selectorSets.set(selector, set);
  return set;
}

const PROTOCOL_NAME: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };

function namedPortSet(name: string, selector: Selector, protocol: number | undefined): SelectorSet {
  const protocolName = protocol === undefined ? 'any' : (PROTOCOL_NAME[protocol] ?? String(protocol));
  return {
    id: uniqueId('n', `${selectorId(selector)},${protocolName},${name}`),
    kind: 'ip,port',
    description: `port ${name} of ${canonicalText(selector)}`,
    selector,
    port: { name, protocol },
  };
}

/** A service that names no namespace is one of the policy's. */
function serviceSet(
  match: NonNullable<EntityRule['services']>,
  role: 'source' | 'destination',
  policyNamespace: string | undefined,
): ServiceSet {
  const service = serviceKey(match.namespace ?? policyNamespace ?? '', match.name ?? '');
  const withPorts = role === 'destination';
  return {
    id: uniqueId(withPorts ? 'svc' : 'svcnoport', service),
    kind: withPorts ? 'ip,port' : 'net',
    description: `service ${service}`,
    service,
  };
}
