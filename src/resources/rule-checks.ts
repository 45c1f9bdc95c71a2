import { type Cidr, type Family, parseCidr } from './address.js';
import { type RefinementContext, report } from './field.js';
import { isNamedPort } from './port.js';
import { knownProtocolNumber, type Protocol, supportsPorts } from './protocol.js';
import type { EntityRule, HttpMatch, IcmpMatch, Rule } from './rule.js';

/** Where a rule stands: some fields are allowed in one direction or one kind only. */
export interface RuleContext {
  readonly direction: 'ingress' | 'egress';
  readonly owner: 'namespaced policy' | 'global policy' | 'profile';
}

type Side = 'source' | 'destination';
const sides: readonly Side[] = ['source', 'destination'];
const icmpNumber = 1;
const icmpv6Number = 58;
const tcpNumber = 6;

/** The rules of Calico's validation that concern more than one field of a rule: V-RULE-1 to V-RULE-16. */
export function checkRule(rule: Rule, where: RuleContext, context: RefinementContext): void {
  checkPorts(rule, context);
  checkIcmp(rule, context);
  checkFamilies(rule, context);
  for (const side of sides) {
    const entity = rule[side];
    if (entity === undefined) continue;
    checkServices(entity, side, where, context);
    checkGlobal(entity, side, context);
  }
  if (rule.http !== undefined) checkHttp(rule, rule.http, where, context);
}

function checkPorts({ protocol, ...rule }: Rule, context: RefinementContext): void {
  for (const side of sides) {
    for (const field of ['ports', 'notPorts'] as const) {
      const ports = rule[side]?.[field] ?? [];
      if (protocol === undefined) {
        ports.forEach((port, index) => {
          if (!isNamedPort(port))
            report(
              context,
              'V-RULE-1',
              [side, field, index],
              'rules with a numeric port or port range must set protocol to TCP, UDP or SCTP',
            );
        });
      } else if (ports.length > 0 && !supportsPorts(protocol)) {
        report(context, 'V-RULE-2', [side, field], 'rules that specify ports must set protocol to TCP, UDP or SCTP');
      }
    }
  }
}

function checkIcmp(rule: Rule, context: RefinementContext): void {
  const number = rule.protocol === undefined ? undefined : knownProtocolNumber(rule.protocol);
  if (rule.icmp !== undefined && number !== icmpNumber && number !== icmpv6Number)
    report(context, 'V-RULE-3', ['icmp'], 'rules that specify icmp must set protocol to ICMP or ICMPv6');
  for (const field of ['icmp', 'notICMP'] as const) checkIcmpCode(rule[field], field, context);
  for (const field of ['protocol', 'notProtocol'] as const)
    checkIcmpFamily(rule[field], field, rule.ipVersion, context);
}

function checkIcmpCode(icmp: IcmpMatch | undefined, field: string, context: RefinementContext): void {
  if (icmp?.code !== undefined && icmp.type === undefined)
    report(context, 'V-RULE-4', [field, 'code'], 'an ICMP code needs an ICMP type');
}

function checkIcmpFamily(
  protocol: Protocol | undefined,
  field: string,
  ipVersion: Family | undefined,
  context: RefinementContext,
): void {
  const number = protocol === undefined ? undefined : knownProtocolNumber(protocol);
  const family = number === icmpNumber ? 4 : number === icmpv6Number ? 6 : undefined;
  if (family !== undefined && ipVersion !== undefined && ipVersion !== family)
    report(
      context,
      'V-RULE-5',
      [field],
      `${field} ${protocol} needs ipVersion ${family}, but ipVersion is ${ipVersion}`,
    );
}

/** H2: upstream drops what it can't parse, and a list that becomes empty matches everything; here it is an error. */
function checkFamilies(rule: Rule, context: RefinementContext): void {
  const families = new Set<Family>();
  for (const side of sides) {
    for (const field of ['nets', 'notNets'] as const) {
      (rule[side]?.[field] ?? []).forEach((net, index) => {
        const path = [side, field, index];
        const cidr = parseCidr(net);
        const problem = netProblem(net, cidr);
        if (problem !== undefined) report(context, cidr === undefined ? 'V-NET' : 'V-RULE-6', path, problem);
        if (cidr === undefined) return;
        families.add(cidr.family);
        if (rule.ipVersion !== undefined && cidr.family !== rule.ipVersion)
          report(
            context,
            'V-RULE-8',
            path,
            `${net} is an IPv${cidr.family} network, but ipVersion is ${rule.ipVersion}`,
          );
        if (field === 'notNets' && isCatchAll(net, cidr))
          report(
            context,
            'V-RULE-9',
            path,
            `catch-all network ${net} in a negation contradicts itself: the rule matches no traffic`,
          );
      });
    }
  }
  if (families.size > 1)
    report(context, 'V-RULE-7', [], 'rule contains both IPv4 and IPv6 networks; write one rule for each');
}

function netProblem(net: string, cidr: Cidr | undefined): string | undefined {
  if (cidr === undefined) return `'${net}' is no network; write it like 10.0.0.0/8 or fd00::/8`;
  const correct = `${cidr.address}/${cidr.length}`;
  if (!cidr.hadMask) return `'${net}' has no prefix length; write ${correct}`;
  return cidr.exact ? undefined : `'${net}' has bits beyond its prefix length; write ${correct}`;
}

/** `0.0.0.0/00` passes, as in Calico. */
function isCatchAll(net: string, cidr: Cidr): boolean {
  return cidr.family === 4 ? net === '0.0.0.0/0' : cidr.length === 0;
}

function checkServices(entity: EntityRule, side: Side, where: RuleContext, context: RefinementContext): void {
  const { services } = entity;
  if (services === undefined) return;
  const at = (code: string, field: string, message: string) =>
    report(context, code, [side, ...field.split('.')], message);
  if (services.name === undefined) at('V-RULE-11', 'services.name', 'the name of the service is required');
  if (services.namespace === undefined && where.owner !== 'namespaced policy')
    at('V-RULE-13', 'services.namespace', `services need a namespace in the rules of a ${where.owner}`);
  const allowed = where.direction === 'ingress' ? 'source' : 'destination';
  if (side !== allowed)
    at('V-RULE-12', 'services', `services are not allowed in the ${side} of an ${where.direction} rule`);
  for (const field of ['ports', 'notPorts'] as const) {
    if (side === 'destination' && (entity[field] ?? []).length > 0)
      at('V-RULE-10', field, `${field} can't be combined with services: the ports are those of the service`);
  }
  for (const field of ['selector', 'notSelector', 'namespaceSelector', 'serviceAccounts', 'nets', 'notNets'] as const) {
    const value = entity[field];
    if (value !== undefined && !(Array.isArray(value) && value.length === 0))
      at('V-RULE-11', field, `${field} can't be combined with services`);
  }
}

function checkGlobal({ selector, namespaceSelector }: EntityRule, side: Side, context: RefinementContext): void {
  if (selector?.includes('global('))
    report(context, 'V-RULE-14', [side, 'selector'], 'global() can only be used in a namespaceSelector');
  if (namespaceSelector?.includes('global(') && !/^[ \t]*global\([ \t]*\)[ \t]*$/.test(namespaceSelector))
    report(context, 'V-RULE-14', [side, 'namespaceSelector'], 'global() cannot be combined with other selectors');
}

function checkHttp(rule: Rule, http: HttpMatch, where: RuleContext, context: RefinementContext): void {
  const at = (path: readonly (string | number)[], code: string, message: string) =>
    report(context, code, ['http', ...path], message);
  if (rule.action !== 'Allow') at([], 'V-RULE-15', 'http is only allowed with action Allow');
  if (rule.protocol !== undefined && knownProtocolNumber(rule.protocol) !== tcpNumber)
    at([], 'V-RULE-15', 'http is only allowed with protocol TCP');
  if (where.direction === 'egress') at([], 'V-RULE-15', 'http is not allowed in egress rules');
  if (new Set(http.methods).size < (http.methods?.length ?? 0))
    at(['methods'], 'V-RULE-16', 'a method is listed twice');
  (http.paths ?? []).forEach(({ exact, prefix }, index) => {
    const path = exact ?? prefix;
    if (path === undefined || (exact !== undefined && prefix !== undefined))
      at(['paths', index], 'V-RULE-16', 'needs exactly one of exact and prefix');
    else if (path.length > 1024 || !path.startsWith('/') || /[?# ]/.test(path))
      at(
        ['paths', index],
        'V-RULE-16',
        `path '${path}' must begin with '/', have no '?', '#' or blank and at most 1024 characters`,
      );
  });
}
