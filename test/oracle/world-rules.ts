import { familyOf } from './address.js';
import type { Random } from './random.js';

/** Random rules of Calico, over alphabets so small that rules, sets and packets meet. */

export type Fields = Record<string, unknown>;

export const NETS: readonly string[] = [
  '0.0.0.0/0',
  '10.0.0.0/8',
  '10.0.0.0/16',
  '10.0.0.0/24',
  '10.0.0.128/25',
  '10.0.0.4/30',
  '10.0.0.5/32',
  '10.0.0.2/31',
  '10.1.0.0/16',
  '10.1.0.7/32',
  '10.5.0.0/16',
  '10.65.0.0/24',
  '10.65.0.2/32',
  '10.65.0.2/31',
  '10.96.0.0/24',
  '198.51.100.0/24',
  '128.0.0.0/1',
  '::/0',
  'fd00::/8',
  'fd00::/16',
  'fd00::5/128',
  'fd00::4/126',
  'fd01::/16',
  'fd65::/64',
  'fd65::2/128',
  'fd96::/32',
  '2001:db8::/33',
];

/** Networks for network sets and endpoints, where also bare addresses and host bits are valid. */
export const LOOSE_NETS: readonly string[] = [
  ...NETS,
  '10.0.0.5',
  '10.0.0.77/24',
  'fd00::5',
  'fd01::7/16',
  '10.65.0.3',
];

export const SELECTORS: readonly string[] = [
  'all()',
  "role == 'a'",
  "role != 'a'",
  "role in {'a', 'b'}",
  "role not in {'a'}",
  'has(zone)',
  '!has(zone)',
  "role == 'a' || zone == 'x'",
  "role == 'b' && has(zone)",
  "zone starts with 'x'",
  "zone contains 'y'",
  "pcns.env == 'prod'",
  "role == 'nowhere'",
  "!(role == 'a')",
  "projectcalico.org/namespace == 'prod'",
  "via == 'p1'",
];
export const NAMESPACE_SELECTORS: readonly string[] = ["env == 'prod'", "env != 'prod'", 'all()', 'has(env)'];
export const ACCOUNT_SELECTORS: readonly string[] = ["team == 'x'", 'has(team)', 'all()'];
/** Those that endpoint slices may be of. */
export const SERVICES = [
  { name: 'web', namespace: 'prod' },
  { name: 'db', namespace: 'prod' },
  { name: 'web', namespace: 'dev' },
] as const;
export const PORT_NAMES: readonly string[] = ['http', 'dns', 'nowhere'];
const PORTS: readonly (number | string)[] = [
  22,
  80,
  443,
  8080,
  1,
  65535,
  '1000:2000',
  '80:443',
  '79:80',
  '22:53',
  '1:65535',
  '4789:4789',
];

export interface RulePlace {
  readonly direction: 'ingress' | 'egress';
  readonly owner: 'namespaced policy' | 'global policy' | 'profile';
}

export function rules(choose: Random, place: RulePlace, most: number): Fields[] {
  const own = Array.from({ length: choose.int(most + 1) }, () => rule(choose, place));
  return choose.chance(0.3) ? [...own, { action: choose.pick(['Allow', 'Allow', 'Pass']) }] : own;
}

export function rule(choose: Random, place: RulePlace): Fields {
  const ipVersion = choose.chance(0.3) ? choose.pick([4, 6]) : undefined;
  const action = choose.pick(['Allow', 'Allow', 'Allow', 'Allow', 'Deny', 'Deny', 'Deny', 'Pass', 'Log', 'Log']);
  const protocol = choose.chance(0.65) ? protocolFor(choose, ipVersion) : undefined;
  const netFamily = ipVersion ?? choose.pick([4, 4, 6]);
  const side = (name: 'source' | 'destination') => entity(choose, place, name, protocol, netFamily);
  const isAllow = action === 'Allow' && place.direction === 'ingress' && (protocol ?? 'TCP') === 'TCP';
  return {
    action,
    ...optional('ipVersion', ipVersion),
    ...optional('protocol', protocol),
    ...(choose.chance(0.12) ? optional('notProtocol', protocolFor(choose, ipVersion)) : {}),
    ...icmpFields(choose, protocol),
    ...(choose.chance(0.55) ? side('source') : {}),
    ...(choose.chance(0.6) ? side('destination') : {}),
    ...(isAllow && choose.chance(0.03) ? { http: { methods: ['GET'] } } : {}),
    ...(choose.chance(0.05) ? { metadata: { annotations: { why: 'a "test" {of} \\text; #x' } } } : {}),
  };
}

export type Protocol = string | number;

function protocolFor(choose: Random, ipVersion: number | undefined): Protocol {
  const ofFamily: readonly Protocol[] =
    ipVersion === 4 ? ['ICMP', 1] : ipVersion === 6 ? ['ICMPv6', 58] : ['ICMP', 'ICMPv6', 1, 58];
  const groups: readonly (readonly Protocol[])[] = [
    ['TCP'],
    ['TCP', 6],
    ['UDP'],
    ['UDP', 17],
    ['SCTP', 132],
    ['UDPLite', 253, 4],
    ofFamily,
    ofFamily,
  ];
  return choose.pick(choose.pick(groups));
}

function icmpFields(choose: Random, protocol: Protocol | undefined): Fields {
  const match = () => ({
    type: choose.pick([8, 0, 3, 128, 129, 13]),
    ...(choose.chance(0.4) ? { code: choose.pick([0, 1]) } : {}),
  });
  const isIcmp = protocol !== undefined && ['ICMP', 'ICMPv6', 1, 58].includes(protocol);
  return {
    ...(isIcmp && choose.chance(0.6) ? { icmp: match() } : {}),
    ...(choose.chance(isIcmp ? 0.3 : 0.02) ? { notICMP: match() } : {}),
  };
}

function entity(
  choose: Random,
  place: RulePlace,
  name: 'source' | 'destination',
  protocol: Protocol | undefined,
  family: number,
): Fields {
  const services = place.direction === 'ingress' ? name === 'source' : name === 'destination';
  if (services && choose.chance(0.08)) return { [name]: service(choose, place, name, protocol) };
  const nets = NETS.filter((net) => familyOf(net) === family);
  const fields: Fields = {
    ...(choose.chance(0.25) ? { nets: choose.few(nets, 3) } : {}),
    ...(choose.chance(0.15)
      ? {
          notNets: choose.few(
            nets.filter((net) => !net.endsWith('/0')),
            2,
          ),
        }
      : {}),
    ...(choose.chance(0.18) ? { selector: choose.pick(SELECTORS) } : {}),
    ...(choose.chance(0.1) ? { notSelector: choose.pick(SELECTORS) } : {}),
    ...(choose.chance(0.08) ? { namespaceSelector: choose.pick([...NAMESPACE_SELECTORS, 'global()']) } : {}),
    ...(choose.chance(0.06) ? { serviceAccounts: accounts(choose) } : {}),
    ...(choose.chance(0.4) ? ports(choose, 'ports', protocol) : {}),
    ...(choose.chance(0.15) ? ports(choose, 'notPorts', protocol) : {}),
  };
  return { [name]: fields };
}

/** As a source with ports of its own; as a destination the ports are those of the service. */
function service(
  choose: Random,
  { owner }: RulePlace,
  side: 'source' | 'destination',
  protocol: Protocol | undefined,
): Fields {
  const { name, namespace } = choose.pick([...SERVICES, { name: 'nowhere', namespace: 'prod' }]);
  const own = owner === 'namespaced policy' && choose.chance(0.4);
  return {
    services: own ? { name } : { name, namespace },
    ...(side === 'source' && choose.chance(0.2) ? ports(choose, 'ports', protocol) : {}),
  };
}

function accounts(choose: Random): Fields {
  return choose.chance(0.5) ? { names: choose.few(['sa1', 'sa2'], 2) } : { selector: choose.pick(ACCOUNT_SELECTORS) };
}

function ports(choose: Random, field: 'ports' | 'notPorts', protocol: Protocol | undefined): Fields {
  if (protocol === undefined) return { [field]: choose.few(PORT_NAMES, 2) };
  if (!['TCP', 'UDP', 'SCTP', 6, 17, 132].includes(protocol)) return {};
  return { [field]: choose.few([...PORTS, ...PORT_NAMES], 4) };
}

export function optional(name: string, value: unknown): Fields {
  return value === undefined ? {} : { [name]: value };
}

export function resource(kind: string, metadata: Fields, spec: Fields): Fields {
  return { apiVersion: 'projectcalico.org/v3', kind, metadata, spec };
}

export function many<T>(choose: Random, most: number, make: (index: number) => T): T[] {
  return Array.from({ length: choose.int(most + 1) }, (_, index) => make(index));
}
