import {
  anyOf,
  concat,
  goto,
  icmp,
  icmpv6,
  inSet,
  ip,
  ip6,
  jump,
  limit,
  log,
  match,
  meta,
  notMatch,
  th,
} from '../nft/expressions.js';
import type { Expression, Rule as NftRule, Origin, Prefix, Statement, Value } from '../nft/objects.js';
import type { EntityMatch, Family, Icmp, PolicyParameters, PortMatch, Rule } from '../policy/host-policy.js';
import type { ChainPool } from './chain-pool.js';
import { parsePrefix } from './prefix.js';
import type { Lookup, SetNames } from './sets.js';
import type { Verdicts } from './verdicts.js';

/** What a rule needs besides itself. */
export interface RuleContext {
  readonly pool: ChainPool;
  readonly parameters: PolicyParameters;
  readonly sets: SetNames;
  readonly verdicts: Verdicts;
  /** What a Pass leads to. */
  readonly pass: () => readonly Statement[];
  /** Prefix of log lines, placeholders already replaced. */
  readonly logPrefix: string;
  readonly comment: string;
  readonly origin: Origin;
}

/** One way in which a criterion holds: statements that must all match. A criterion is a list of alternatives. */
type Alternatives = readonly (readonly Statement[])[];

const ALWAYS: Alternatives = [[]];
const NEVER: Alternatives = [];

/**
 * The nft rules for one rule of a policy: one for each family where the rule looks at addresses, else one for both, times the
 * alternatives that nft can't express in a rule (named and numeric ports, the prefix lengths of a set). Empty if it can't match.
 */
export function renderRule(rule: Rule, context: RuleContext): NftRule[] {
  const { comment, origin } = context;
  const alternatives = matchesOf(rule, context.sets);
  const ruleOf = (statements: readonly Statement[]): NftRule => ({ statements, comment, origin });
  if (rule.action === 'Log' && alternatives.length > 1) {
    // A packet may match several of them, but is logged once: the first leads to the log statement, which ends the detour.
    const write = context.pool.add('log', comment, [ruleOf(logStatements(context))]);
    const detour = context.pool.add(
      'log-if',
      comment,
      alternatives.map((matches) => ruleOf([...matches, goto(write)])),
    );
    return [ruleOf([jump(detour)])];
  }
  const verdict = actionOf(rule, context);
  // Not spread: that leaves room for more, 100 bytes for each of thousands of rules.
  return alternatives.map((matches) => ruleOf(matches.concat(verdict)));
}

function actionOf(rule: Rule, context: RuleContext): readonly Statement[] {
  switch (rule.action) {
    case 'Allow':
      return context.verdicts.allow;
    case 'Deny':
      return context.verdicts.deny;
    case 'Pass':
      return context.pass();
    case 'Log':
      return logStatements(context);
  }
}

function logStatements(context: RuleContext): Statement[] {
  return [...rateLimit(context.parameters), log(`${context.logPrefix}: `)];
}

/** After the match, so that only packets that are logged use up tokens. */
function rateLimit(parameters: PolicyParameters): Statement[] {
  const rate = parameters.logActionRateLimit;
  // nft refuses a burst of 0, which FelixConfiguration allows.
  return rate ? [limit(rate.rate, rate.per, Math.max(1, parameters.logActionRateLimitBurst))] : [];
}

function matchesOf(rule: Rule, sets: SetNames): Alternatives {
  const families: readonly Family[] = rule.ipVersion ? [rule.ipVersion] : [4, 6];
  if (!looksAtAddresses(rule)) {
    const family = rule.ipVersion ? [FAMILY_MATCH[rule.ipVersion]] : [];
    return product([[[...family, ...protocolMatches(rule)]], portAlternatives(rule, 4, sets)]);
  }
  return families.flatMap((family) => familyAlternatives(rule, family, sets));
}

/** Criteria whose nft form depends on the family. */
function looksAtAddresses(rule: Rule): boolean {
  const side = (entity: EntityMatch) =>
    entity.nets ?? entity.notNets ?? entity.set ?? entity.notSet ?? entity.service ?? namedPorts(entity);
  return Boolean(rule.icmp ?? rule.notICMP ?? side(rule.source) ?? side(rule.destination));
}

function namedPorts(entity: EntityMatch): string | undefined {
  return entity.ports?.sets[0] ?? entity.notPorts?.sets[0];
}

function familyAlternatives(rule: Rule, family: Family, sets: SetNames): Alternatives {
  if (contradictsIcmp(rule, family)) return NEVER;
  const fixed = [FAMILY_MATCH[family], ...protocolMatches(rule), ...icmpMatches(rule, family)];
  return product([
    [fixed],
    addressAlternatives(rule.source, family, 'saddr', sets),
    addressAlternatives(rule.destination, family, 'daddr', sets),
    portAlternatives(rule, family, sets),
  ]);
}

const FAMILY_MATCH: Readonly<Record<Family, Statement>> = {
  4: match(meta.nfproto, 'ipv4'),
  6: match(meta.nfproto, 'ipv6'),
};

// What many rules have in common is one object, and so is what is worked out from it.
const protocolMatch = new Map<number, Statement>();
const lookupMatch = new WeakMap<Lookup, Statement>();

function matchProtocol(protocol: number): Statement {
  const known = protocolMatch.get(protocol) ?? match(meta.l4proto, protocol);
  protocolMatch.set(protocol, known);
  return known;
}

function matchLookup(lookup: Lookup): Statement {
  const [key, set] = lookup;
  const known = lookupMatch.get(lookup) ?? match(key, inSet(set));
  lookupMatch.set(lookup, known);
  return known;
}

function protocolMatches(rule: Rule): Statement[] {
  return [
    ...(rule.protocol === undefined ? [] : [matchProtocol(rule.protocol)]),
    ...(rule.notProtocol === undefined ? [] : [notMatch(meta.l4proto, rule.notProtocol)]),
  ];
}

const ICMP_PROTOCOL = { 4: 1, 6: 58 } as const;

/** No packet of another protocol has an ICMP type; nft refuses the whole transaction for such a rule ("conflicting protocols"). */
function contradictsIcmp(rule: Rule, family: Family): boolean {
  const { protocol } = rule;
  return looksAtIcmp(rule) && protocol !== undefined && protocol !== ICMP_PROTOCOL[family];
}

/** Then it is for ICMP only. */
function looksAtIcmp({ icmp: wanted, notICMP }: Rule): boolean {
  return (wanted?.type ?? notICMP?.type) !== undefined;
}

/** Also without a protocol in the rule these match ICMP of the family only. */
function icmpMatches(rule: Rule, family: Family): Statement[] {
  const header = family === 4 ? icmp : icmpv6;
  const typeAndCode = concat(header.type, header.code);
  const one = (fields: Icmp | undefined, negate: boolean): Statement[] => {
    if (fields?.type === undefined) return [];
    const compare = negate ? notMatch : match;
    if (fields.code === undefined) return [compare(header.type, fields.type)];
    return [compare(typeAndCode, anyOf([[fields.type, fields.code]]))];
  };
  const matches = [...one(rule.icmp, false), ...one(rule.notICMP, true)];
  return matches.length > 0 && rule.protocol === undefined
    ? [match(meta.l4proto, ICMP_PROTOCOL[family]), ...matches]
    : matches;
}

function addressAlternatives(
  entity: EntityMatch,
  family: Family,
  field: 'saddr' | 'daddr',
  sets: SetNames,
): Alternatives {
  const address = family === 4 ? ip[field] : ip6[field];
  const nets = prefixesOf(entity.nets, family);
  const notNets = prefixesOf(entity.notNets, family);
  // A list that has nothing of the family does not match the family, also a negated one.
  if (nets?.length === 0 || notNets?.length === 0) return NEVER;
  if (notNets?.some((net) => net.length === 0)) return NEVER;
  const fixed: Statement[] = [
    ...(nets && !nets.some((net) => net.length === 0) ? [match(address, anyOf(nets))] : []),
    ...(notNets ? [notMatch(address, anyOf(notNets))] : []),
    ...(entity.notSet
      ? sets.lookups(entity.notSet, family, address).map(([key, name]) => notMatch(key, inSet(name)))
      : []),
  ];
  const inOne = (id: string | undefined): Alternatives =>
    id ? sets.lookups(id, family, address).map((lookup) => [matchLookup(lookup)]) : ALWAYS;
  return product([[fixed], inOne(entity.set), field === 'saddr' ? inOne(entity.service) : ALWAYS]);
}

function prefixesOf(nets: readonly string[] | undefined, family: Family): Prefix[] | undefined {
  return nets?.map(parsePrefix).filter((net) => net.family === family);
}

function portAlternatives(rule: Rule, family: Family, sets: SetNames): Alternatives {
  if (hasNoPorts(rule)) return rule.source.ports || rule.destination.ports || rule.destination.service ? NEVER : ALWAYS;
  const source = sidePorts(rule.source, family, 'sport', sets);
  const destination = sidePorts(rule.destination, family, 'dport', sets);
  const service = rule.destination.service;
  const key = addressAndPort(family, 'dport');
  return product([source, destination, service ? [[match(key, inSet(sets.ports(service, family)))]] : ALWAYS]);
}

const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132]);

/** For ICMP, say. nft 1.0.6 would list a look-up by port as one by checksum, and the table would not read back as it was written. */
function hasNoPorts(rule: Rule): boolean {
  return looksAtIcmp(rule) || (rule.protocol !== undefined && !WITH_PORTS.has(rule.protocol));
}

function sidePorts(entity: EntityMatch, family: Family, field: 'sport' | 'dport', sets: SetNames): Alternatives {
  const key = addressAndPort(family, field);
  const named = (ports: PortMatch) => ports.sets.map((id) => inSet(sets.ports(id, family)));
  const { ports, notPorts } = entity;
  const positive: Alternatives = ports
    ? [
        ...(ports.ranges.length > 0 ? [[match(th[field], anyOf(rangesOf(ports)))]] : []),
        ...named(ports).map((set) => [match(key, set)]),
      ]
    : ALWAYS;
  const negative: Statement[] = notPorts
    ? [
        ...(notPorts.ranges.length > 0 ? [notMatch(th[field], anyOf(rangesOf(notPorts)))] : []),
        ...named(notPorts).map((set) => notMatch(key, set)),
      ]
    : [];
  return product([positive, [negative]]);
}

function addressAndPort(family: Family, field: 'sport' | 'dport'): Expression {
  const address = field === 'sport' ? 'saddr' : 'daddr';
  return concat(family === 4 ? ip[address] : ip6[address], meta.l4proto, th[field]);
}

function rangesOf(ports: PortMatch): Value[] {
  return ports.ranges.map((range) => (range.from === range.to ? range.from : range));
}

/** All ways to take one alternative of each criterion. */
function product(criteria: readonly Alternatives[]): Alternatives {
  return criteria.reduce((done, next) => done.flatMap((head) => next.map((tail) => [...head, ...tail])), ALWAYS);
}
