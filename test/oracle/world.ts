import { familyOf } from './address.js';
import type { Random } from './random.js';
import { random } from './random.js';
import { EXTERNAL, INTERFACES, NODE } from './topology.js';
import { policies } from './world-policies.js';
import {
  type Fields,
  LOOSE_NETS,
  many,
  NETS,
  optional,
  type RulePlace,
  resource,
  rules,
  SERVICES,
} from './world-rules.js';

/** Resources of a cluster as somebody could write them, all valid. */
export interface World {
  readonly seed: number;
  readonly resources: readonly Fields[];
}

/** The world of a seed. */
export function randomWorld(seed: number): World {
  const choose = random(seed);
  const resources = [
    ...hostEndpoints(choose),
    ...workloadEndpoints(choose),
    ...policies(choose),
    ...many(choose, 4, (index) => endpointSlice(choose, index)),
    ...profiles(choose),
    ...networkSets(choose),
    ...(choose.chance(0.6) ? [felixConfiguration(choose, 'default')] : []),
    ...(choose.chance(0.15) ? [felixConfiguration(choose, `node.${NODE}`)] : []),
  ];
  return { seed, resources: choose.shuffle(resources) };
}

const MANY = 30;

/** A random world with so many tiers and profiles that pass that their chains can't all lead to one another. */
export function deepWorld(seed: number): World {
  const choose = random(seed);
  const indexes = Array.from({ length: MANY }, (_, index) => index);
  const passing = (direction: 'ingress' | 'egress', owner: RulePlace['owner']): Fields => ({
    [direction]: [...rules(choose, { direction, owner }, 2), ...(choose.chance(0.9) ? [{ action: 'Pass' }] : [])],
  });
  const both = (owner: RulePlace['owner']) => ({ ...passing('ingress', owner), ...passing('egress', owner) });
  const added = indexes.flatMap((order) => [
    resource('Tier', { name: `d${order}` }, { order, defaultAction: choose.pick(['Pass', 'Pass', 'Deny']) }),
    resource(
      'GlobalNetworkPolicy',
      { name: `d${order}` },
      { tier: `d${order}`, types: ['Ingress', 'Egress'], applyOnForward: true, ...both('global policy') },
    ),
    resource('Profile', { name: `d${order}` }, both('profile')),
  ]);
  const profiles = indexes.map((index) => `d${index}`);
  const resources = randomWorld(seed).resources.map((each) => {
    const isEndpoint = each.kind === 'HostEndpoint' || each.kind === 'WorkloadEndpoint';
    return isEndpoint ? { ...each, spec: { ...(each.spec as Fields), profiles } } : each;
  });
  return { seed, resources: [...resources, ...added] };
}

const PROFILES: readonly string[] = ['p1', 'p2', 'kns.prod', 'ksa.prod.sa1', 'projectcalico-default-allow'];

function labels(choose: Random): Fields {
  return {
    labels: {
      ...(choose.chance(0.8) ? { role: choose.pick(['a', 'b', 'c']) } : {}),
      ...(choose.chance(0.4) ? { zone: choose.pick(['x', 'xy', 'y']) } : {}),
    },
  };
}

const ENDPOINT_PORTS: readonly Fields[] = [
  { name: 'http', protocol: 'TCP', port: 80 },
  { name: 'http', protocol: 'TCP', port: 8080 },
  { name: 'http', protocol: 'SCTP', port: 80 },
  { name: 'dns', protocol: 'UDP', port: 53 },
  { name: 'dns', protocol: 6, port: 53 },
];

/** Several may want the same interface, some none that exists, some are of another node. */
function hostEndpoints(choose: Random): Fields[] {
  const places: readonly Fields[] = [
    { interfaceName: 'eth0' },
    { interfaceName: 'eth0' },
    { interfaceName: 'eth1' },
    { interfaceName: '*' },
    { interfaceName: '*' },
    { interfaceName: '*' },
    { interfaceName: '*' },
    { interfaceName: 'lo' },
    { interfaceName: 'tap5' },
    { interfaceName: 'cali0' },
    { interfaceName: 'eth7' },
    { interfaceName: 'eth1', expectedIPs: ['10.0.0.1', '10.1.0.1'] },
    { interfaceName: 'eth0', expectedIPs: ['10.0.0.1', 'fd00::1'] },
    { expectedIPs: ['10.0.0.2', 'fd00::1'] },
    { expectedIPs: ['fd01::1', '10.0.0.5'] },
    { expectedIPs: ['10.5.0.1', '10.1.0.1'] },
    { expectedIPs: ['203.0.113.1'] },
  ];
  const local = choose.few(places, 4).map((place) => ({ ...place, node: NODE }));
  const others = choose.some([{ node: 'node1', interfaceName: 'eth0', expectedIPs: ['10.0.0.5', 'fd00::5'] }], 0.5);
  return [...(choose.chance(0.95) ? local : []), ...others].map((spec, index) => {
    const ports = choose.some(ENDPOINT_PORTS, 0.25);
    return resource(
      'HostEndpoint',
      { name: `h${index}`, ...labels(choose) },
      { ...spec, ...profileList(choose), ports },
    );
  });
}

function profileList(choose: Random): Fields {
  if (choose.chance(0.15)) return {};
  return { profiles: [...choose.few(PROFILES, 3), ...(choose.chance(0.1) ? ['missing'] : [])] };
}

function workloadEndpoints(choose: Random): Fields[] {
  const usual = [
    { node: NODE, pod: 'w0', interfaceName: 'cali0', ipNetworks: ['10.65.0.2/32', 'fd65::2/128'] },
    { node: NODE, pod: 'w1', interfaceName: 'cali1', ipNetworks: ['10.65.0.3', 'fd65::3'] },
  ];
  const special = [
    { node: NODE, pod: 'w1-b', interfaceName: 'cali1', ipNetworks: ['10.65.0.33/32'] },
    { node: NODE, pod: 'w2', interfaceName: 'cali0', ipNetworks: ['10.65.0.2/32'] },
    { node: NODE, pod: 'w3', interfaceName: 'tap5', ipNetworks: ['10.5.0.7/32', 'fd05::7/128'] },
    { node: NODE, pod: 'w4', interfaceName: 'cali1', ipNetworks: [] },
    { node: 'node1', pod: 'w9', interfaceName: 'cali0', ipNetworks: ['10.0.0.6/32', 'fd00::6/128'] },
  ];
  return [...choose.some(usual, 0.85), ...choose.some(special, 0.25)].map((place) => {
    const namespace = choose.pick(['prod', 'prod', 'dev']);
    const spec = {
      ...place,
      orchestrator: 'k8s',
      endpoint: 'eth0',
      ...(choose.chance(0.5) ? { serviceAccountName: choose.pick(['sa1', 'sa2']) } : {}),
      ...profileList(choose),
      ports: choose.some(ENDPOINT_PORTS, 0.25),
      ...(choose.chance(0.15) ? { allowSpoofedSourcePrefixes: choose.few(LOOSE_NETS, 2) } : {}),
      ...(choose.chance(0.5) ? { ipNATs: nats(choose, place.ipNetworks) } : {}),
      ...(choose.chance(0.1) ? { qosControls: { ingressPacketRate: 9000, egressMaxConnections: 9000 } } : {}),
    };
    return resource('WorkloadEndpoint', { namespace, ...labels(choose) }, spec);
  });
}

/** Several for one address, and one for several addresses. */
function nats(choose: Random, networks: readonly string[]): Fields[] {
  return choose.few(EXTERNAL, 3).flatMap((externalIP) => {
    const internal = networks.find((network) => familyOf(network) === familyOf(externalIP));
    return internal === undefined ? [] : [{ internalIP: internal.split('/')[0], externalIP }];
  });
}

/** Those that endpoints of the node have, whether in force or not. */
export function externalAddresses({ resources }: World): string[] {
  return resources.flatMap(({ kind, spec }) => {
    const { node, ipNATs = [] } = spec as { node?: string; ipNATs?: { externalIP?: string }[] };
    if (kind !== 'WorkloadEndpoint' || node !== NODE) return [];
    return ipNATs.flatMap(({ externalIP }) => externalIP ?? []);
  });
}

/** Of workloads here and elsewhere, and of the host; some are of no use. */
const ENDPOINT_ADDRESSES: readonly string[] = [
  '10.65.0.2',
  '10.65.0.3',
  '10.5.0.7',
  '10.0.0.1',
  '10.0.0.5',
  '10.1.0.7',
  '198.51.100.7',
  'fd65::2',
  'fd65::3',
  'fd05::7',
  'fd00::5',
  'fd01::7',
  'db.example.org',
];

const SERVICE_PORTS: readonly Fields[] = [
  { protocol: 'TCP', port: 80 },
  { protocol: 'TCP', port: 8080 },
  { protocol: 'UDP', port: 53 },
  { protocol: 'SCTP', port: 80 },
  { port: 443 },
  { protocol: 'TCP' },
];

/** Several of one service are one. */
function endpointSlice(choose: Random, index: number): Fields {
  const { namespace, name } = choose.pick(SERVICES);
  const spec = {
    service: name,
    addresses: choose.few(ENDPOINT_ADDRESSES, 6),
    ports: choose.chance(0.9) ? choose.few(SERVICE_PORTS, 3) : [],
  };
  return resource('EndpointSlice', { namespace, name: `e${index}` }, spec);
}

function profiles(choose: Random): Fields[] {
  const own: Readonly<Record<string, Fields>> = {
    p1: { via: 'p1' },
    p2: { role: 'a' },
    'kns.prod': { 'pcns.env': 'prod' },
    'ksa.prod.sa1': { 'pcsa.team': 'x' },
  };
  return choose.some(Object.entries(own), 0.7).map(([name, labelsToApply]) => {
    const spec = {
      ...(choose.chance(0.6) ? { labelsToApply } : {}),
      ...(choose.chance(0.8) ? { ingress: profileRules(choose, 'ingress') } : {}),
      ...(choose.chance(0.8) ? { egress: profileRules(choose, 'egress') } : {}),
    };
    return resource('Profile', { name }, spec);
  });
}

/** Where packets meet an endpoint of the node, by name: interfaces may still go to another one. */
export function endpointInterfaces({ resources }: World): string[] {
  return resources.flatMap(({ kind, spec }) => {
    const {
      node,
      interfaceName,
      expectedIPs = [],
    } = spec as { node?: string; interfaceName?: string; expectedIPs?: string[] };
    if (node !== NODE || (kind !== 'HostEndpoint' && kind !== 'WorkloadEndpoint')) return [];
    if (interfaceName === '*') return ['eth0', 'eth1', 'tap5', 'cali0'];
    if (interfaceName !== undefined) return [interfaceName];
    return INTERFACES.filter(({ addresses }) => addresses.some((address) => expectedIPs.includes(address))).map(
      ({ name }) => name,
    );
  });
}

function profileRules(choose: Random, direction: 'ingress' | 'egress'): Fields[] {
  const own = rules(choose, { direction, owner: 'profile' }, 3);
  return choose.chance(0.5) ? [...own, { action: 'Allow' }] : own;
}

function networkSets(choose: Random): Fields[] {
  const all = [
    ['GlobalNetworkSet', { name: 's1' }],
    ['GlobalNetworkSet', { name: 's2' }],
    ['NetworkSet', { name: 's1', namespace: 'prod' }],
    ['NetworkSet', { name: 's3', namespace: 'dev' }],
  ] as const;
  return choose
    .some(all, 0.4)
    .map(([kind, metadata]) => resource(kind, { ...metadata, ...labels(choose) }, { nets: choose.few(LOOSE_NETS, 5) }));
}

function failsafePorts(choose: Random): Fields[] {
  return many(choose, 3, () => ({
    ...optional('protocol', choose.pick(['tcp', 'UDP', undefined, 'SCTP'])),
    port: choose.pick([22, 53, 80, 0, 65535]),
    ...(choose.chance(0.5) ? { net: choose.pick(NETS) } : {}),
  }));
}

function felixConfiguration(choose: Random, name: string): Fields {
  const maybe = (probability: number, field: string, make: () => unknown): Fields =>
    choose.chance(probability) ? { [field]: make() } : {};
  return resource(
    'FelixConfiguration',
    { name },
    {
      ...maybe(0.5, 'failsafeInboundHostPorts', () => failsafePorts(choose)),
      ...maybe(0.5, 'failsafeOutboundHostPorts', () => failsafePorts(choose)),
      ...maybe(0.5, 'defaultEndpointToHostAction', () => choose.pick(['Drop', 'Accept', 'Return'])),
      ...maybe(0.4, 'nftablesFilterDenyAction', () => choose.pick(['Drop', 'Reject'])),
      ...maybe(0.3, 'nftablesFilterAllowAction', () => choose.pick(['Accept', 'Return'])),
      ...maybe(0.2, 'nftablesMarkMask', () => choose.pick([0xf0, 0xff000000, 0xffffffff, 3])),
      ...maybe(0.3, 'disableConntrackInvalidCheck', () => choose.chance(0.7)),
      ...maybe(0.8, 'workloadSourceSpoofing', () => 'Any'),
      ...maybe(0.3, 'allowVXLANPacketsFromWorkloads', () => true),
      ...maybe(0.3, 'allowIPIPPacketsFromWorkloads', () => true),
      ...maybe(0.2, 'vxlanPort', () => 80),
      ...maybe(0.1, 'ipv6Support', () => choose.chance(0.5)),
      ...maybe(0.8, 'floatingIPs', () => choose.pick(['Enabled', 'Enabled', 'Enabled', 'Enabled', 'Disabled'])),
      ...maybe(0.25, 'interfacePrefix', () => choose.pick(['cali,tap', 'tap', 'cali'])),
      ...maybe(0.1, 'interfaceExclude', () => choose.pick(['eth1', '/^eth[1-9]/,lo', 'none'])),
      ...maybe(0.1, 'logPrefix', () => 'margay %t %k %n'),
      ...maybe(0.1, 'logActionRateLimit', () => '9000/second'),
      ...maybe(0.1, 'logActionRateLimitBurst', () => choose.pick([0, 5000])),
    },
  );
}
