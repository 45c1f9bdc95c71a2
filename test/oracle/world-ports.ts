import { familyOf } from './address.js';
import type { Random } from './random.js';
import {
  type Fields,
  NETS,
  optional,
  PORT_NAMES,
  type Protocol,
  type RulePlace,
  rule as ruleOfAnyKind,
  SELECTORS,
} from './world-rules.js';

/** Rules for a few destination ports, which meet each other and rules for no port: what lists that are compiled by port consist of. */
export interface PortTheme {
  readonly protocols: readonly Protocol[];
  readonly ports: readonly (number | string)[];
  readonly nets: readonly string[];
  readonly selectors: readonly string[];
  /** How many of the rules are for no ports: each ends a stretch in which the others may change places. */
  readonly anyPort: number;
}

export function portTheme(choose: Random): PortTheme {
  const family = choose.pick([4, 4, 6]);
  return {
    protocols: choose.few(['TCP', 'TCP', 'TCP', 'TCP', 6, 'UDP', 17, 'SCTP'], 2),
    ports: choose.few(choose.few(BASES, 2).flatMap(portsNear), 6),
    nets: choose.few(
      NETS.filter((net) => familyOf(net) === family),
      4,
    ),
    selectors: choose.few(SELECTORS, 2),
    anyPort: choose.pick([0.05, 0.05, 0.15, 0.3, 0.9]),
  };
}

const BASES = [22, 53, 80, 443, 1000, 8080, 65470];

/** A range of 64 ports is the longest that is told apart by port; with another port beside it, a rule has too many. */
function portsNear(base: number): (number | string)[] {
  const range = (from: number, to: number) => `${from}:${to}`;
  return [
    base,
    base,
    base + 1,
    range(base - 1, base),
    range(base, base + 2),
    range(base - 2, base + 1),
    range(base + 1, base + 2),
    range(base - 3, base + 3),
    range(base, base + 19),
    base > 22 ? range(base, base + 63) : range(base, base + 99),
  ];
}

export function portRules(choose: Random, place: RulePlace, theme: PortTheme, most: number): Fields[] {
  return Array.from({ length: 1 + choose.int(most) }, () => {
    if (!choose.chance(theme.anyPort)) return portRule(choose, place, theme);
    return choose.chance(0.7) ? ruleForAnyPort(choose, place, theme) : ruleOfAnyKind(choose, place);
  });
}

const ACTIONS = ['Allow', 'Allow', 'Allow', 'Allow', 'Allow', 'Deny', 'Deny', 'Deny', 'Deny', 'Pass', 'Log'];

function portRule(choose: Random, { direction }: RulePlace, theme: PortTheme): Fields {
  const { ports, protocols } = theme;
  const destination = {
    ports: [...choose.few(ports, 3), ...choose.some(PORT_NAMES, 0.04)],
    ...(choose.chance(0.1) ? { notPorts: choose.few(ports, 2) } : {}),
  };
  const source = choose.chance(0.05) ? { ports: choose.few(ports, 2) } : {};
  return withPeer(choose, direction, theme, {
    action: choose.pick(ACTIONS),
    ...optional('protocol', choose.pick(protocols)),
    source,
    destination,
  });
}

/** What rules for ports must not pass, where both match and the verdicts differ. */
function ruleForAnyPort(choose: Random, { direction }: RulePlace, theme: PortTheme): Fields {
  const protocol = choose.chance(0.7) ? choose.pick(theme.protocols) : undefined;
  return withPeer(choose, direction, theme, {
    action: choose.pick(ACTIONS),
    ...optional('protocol', protocol),
    source: {},
    destination: {},
  });
}

interface Sides {
  readonly source: Fields;
  readonly destination: Fields;
}

function withPeer(choose: Random, direction: RulePlace['direction'], theme: PortTheme, rule: Fields & Sides): Fields {
  const usual = direction === 'ingress' ? 'source' : 'destination';
  const other = direction === 'ingress' ? 'destination' : 'source';
  const side = choose.chance(0.85) ? usual : other;
  return { ...rule, [side]: { ...rule[side], ...peer(choose, theme) } };
}

/** Whom a rule is about: now and then anybody, most often a few networks, so that rules overlap in part. */
function peer(choose: Random, { nets, selectors }: PortTheme): Fields {
  const some = nets.filter((net) => !net.endsWith('/0'));
  const kinds: readonly (() => Fields)[] = [
    () => ({}),
    () => ({ nets: choose.few(nets, 2) }),
    () => ({ nets: choose.few(nets, 2) }),
    () => ({ selector: choose.pick(selectors) }),
    () => (some.length > 0 ? { notNets: choose.few(some, 2) } : {}),
  ];
  return choose.pick(kinds)();
}
