import fc from 'fast-check';
import { derivedKindOf, type Resource } from '../../src/resources/kinds.js';
import { keyText, type ObjectKey } from '../../src/resources/resource.js';
import { interfaces, NODE, toResource } from './from-yaml.js';

/** Random clusters from few names, labels and addresses, so that objects concern each other. */

type Fields = Readonly<Record<string, unknown>>;

const apiVersion = 'projectcalico.org/v3';
const word = fc.constantFrom('a', 'b', 'c');
const labels = fc.dictionary(fc.constantFrom('role', 'env', 'x'), word, { maxKeys: 3, noNullPrototype: true });
const profileNames = fc.uniqueArray(fc.constantFrom('p1', 'p2', 'p3', 'kns.ns1', 'projectcalico-default-allow'), {
  maxLength: 3,
});
const namespace = fc.constantFrom('ns1', 'ns2');
const node = fc.constantFrom(NODE, NODE, NODE, 'n2');
const ipv4 = fc.integer({ min: 1, max: 6 }).map((n) => `10.0.0.${n}`);
const ipv6 = fc.integer({ min: 1, max: 6 }).map((n) => `fd00::${n}`);
const cidr4: fc.Arbitrary<string> = fc.constantFrom(
  '10.0.0.0/8',
  '10.0.0.0/24',
  '10.0.0.4/30',
  '10.0.0.1/32',
  '0.0.0.0/0',
);
const cidr6: fc.Arbitrary<string> = fc.constantFrom('fd00::/8', 'fd00::/64', 'fd00::1/128', '::/0');
const port = fc.record({
  name: fc.constantFrom('http', 'dns'),
  protocol: fc.constantFrom('TCP', 'UDP'),
  port: fc.constantFrom(53, 80, 8080),
});

export const selectorText = fc.constantFrom(
  'all()',
  "role == 'a'",
  "role != 'a'",
  "env in {'a', 'b'}",
  "env not in {'a'}",
  'has(x)',
  '!has(x)',
  "role == 'a' && env == 'b'",
  "role == 'a' || has(x)",
  "!(role == 'b') && has(env)",
  "x starts with 'a'",
  "role contains 'b' || env ends with 'c'",
);

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 });
const ports = fc.array(fc.constantFrom<string | number>(80, '8000:8100', 443, 'http', 'dns'), {
  minLength: 1,
  maxLength: 3,
});

function side(withPorts: boolean, family: 4 | 6): fc.Arbitrary<Fields> {
  const nets = fc.array(family === 4 ? cidr4 : cidr6, { minLength: 1, maxLength: 2 });
  const notNets = fc.array(
    (family === 4 ? cidr4 : cidr6).filter((net) => !net.endsWith('/0')),
    { minLength: 1, maxLength: 2 },
  );
  return fc.record({
    selector: maybe(selectorText),
    notSelector: maybe(selectorText),
    namespaceSelector: maybe(fc.constantFrom('all()', 'global()', "team == 'a'")),
    nets: maybe(nets),
    notNets: maybe(notNets),
    ...(withPorts ? { ports: maybe(ports), notPorts: maybe(ports) } : {}),
  });
}

const action = fc.constantFrom('Allow', 'Deny', 'Pass', 'Log');

/** A rule as a user writes it. */
export const arbitraryRule: fc.Arbitrary<Fields> = fc.constantFrom<4 | 6>(4, 6).chain((family) => {
  const plain = fc.record({ action, source: side(false, family), destination: side(false, family) });
  const transport = fc.record({
    action,
    protocol: fc.constantFrom('TCP', 'UDP', 'SCTP', 6),
    source: side(true, family),
    destination: side(true, family),
  });
  const icmpFields = fc.constantFrom({ type: 8 }, { type: 3, code: 1 });
  const icmp = fc.record({
    action,
    protocol: fc.constantFrom('ICMP', 'ICMPv6', 1, 58),
    icmp: maybe(icmpFields),
    notICMP: maybe(icmpFields),
  });
  const other = fc.record({
    action,
    protocol: maybe(fc.constantFrom<string | number>(253, 'TCP')),
    notProtocol: maybe(fc.constantFrom<string | number>('UDP', 'ICMP')),
    ipVersion: fc.constant(family).map((value) => value),
  });
  const notIcmp = fc.record({ action, protocol: maybe(fc.constantFrom('TCP', 'ICMP')), notICMP: icmpFields });
  return fc.oneof(
    plain,
    transport,
    icmp,
    notIcmp,
    other.filter(({ notProtocol }) => notProtocol !== 'ICMP'),
  );
});

const services = fc.record({ name: fc.constantFrom('db', 'web'), namespace });

/** Rules of one direction; what they may say of services depends on it. */
function rulesOf(side: 'source' | 'destination'): fc.Arbitrary<Fields[]> {
  const withService = fc.record({
    action,
    protocol: maybe(fc.constantFrom('TCP', 'UDP')),
    [side]: fc.record({ services }),
  });
  const rule = fc.oneof({ weight: 8, arbitrary: arbitraryRule }, { weight: 1, arbitrary: withService });
  return fc.array(rule, { maxLength: 3 });
}

const ingress = rulesOf('source');
const egress = rulesOf('destination');
const order = maybe(fc.constantFrom(-1, 0, 10, 10.5));
const tierName = fc.constantFrom('default', 'default', 't1', 't2', 'ghost');
const types = maybe(fc.constantFrom(['Ingress'], ['Egress'], ['Ingress', 'Egress']));

const hostEndpoint = fc
  .record({
    name: fc.constantFrom('h1', 'h2', 'h3'),
    labels,
    node,
    interfaceName: maybe(fc.constantFrom('eth0', 'eth1', 'eth9', '*', 'cali1')),
    expectedIPs: fc.uniqueArray(fc.oneof(ipv4, ipv6), { minLength: 1, maxLength: 3 }),
    profiles: profileNames,
    ports: fc.array(port, { maxLength: 2 }),
  })
  .map(({ name, labels, ...spec }) => ({ kind: 'HostEndpoint', metadata: { name, labels }, spec }));

const workloadEndpoint = fc
  .record({
    namespace,
    labels,
    node,
    pod: fc.constantFrom('w1', 'w2', 'w3'),
    interfaceName: fc.constantFrom('cali1', 'cali2', 'tap1'),
    ipNetworks: fc.uniqueArray(fc.oneof(ipv4, ipv6), { maxLength: 3 }),
    allowSpoofedSourcePrefixes: fc.array(fc.oneof(cidr4, cidr6), { maxLength: 1 }),
    profiles: profileNames,
    ports: fc.array(port, { maxLength: 2 }),
    qosControls: maybe(fc.constantFrom({ ingressPacketRate: 100 }, { egressPacketRate: 9, egressMaxConnections: 5 })),
    external: maybe(fc.constantFrom('203.0.113.1', '203.0.113.2', '2001:db8:9::1')),
  })
  .map(({ namespace, labels, external, ...spec }) => ({
    kind: 'WorkloadEndpoint',
    metadata: { namespace, labels },
    spec: { ...spec, ipNATs: natsOf(external, spec.ipNetworks), orchestrator: 'k8s', endpoint: 'eth0' },
  }));

function natsOf(externalIP: string | undefined, addresses: readonly string[]): readonly Fields[] {
  const internalIP = addresses.find((address) => address.includes(':') === externalIP?.includes(':'));
  return externalIP === undefined || internalIP === undefined ? [] : [{ internalIP, externalIP }];
}

const globalPolicy = fc
  .record({
    name: fc.constantFrom('g1', 'g2', 'g3', 'g-1'),
    tier: tierName,
    order,
    selector: selectorText,
    namespaceSelector: maybe(fc.constantFrom('all()', "team == 'a'")),
    types,
    ingress,
    egress,
    place: fc.constantFrom('normal', 'normal', 'forward', 'preDNAT', 'untracked'),
  })
  .map(({ name, place, types, ...spec }) => {
    const flags = {
      ...(place === 'normal' ? {} : { applyOnForward: true }),
      ...(place === 'preDNAT' ? { preDNAT: true, egress: [], types: ['Ingress'] } : { types }),
      ...(place === 'untracked' ? { doNotTrack: true } : {}),
    };
    return { kind: 'GlobalNetworkPolicy', metadata: { name }, spec: { ...spec, ...flags } };
  });

const networkPolicy = fc
  .record({
    namespace,
    name: fc.constantFrom('g1', 'n2'),
    tier: tierName,
    order,
    selector: selectorText,
    types,
    ingress,
    egress,
  })
  .map(({ namespace, name, ...spec }) => ({ kind: 'NetworkPolicy', metadata: { namespace, name }, spec }));

const kubernetesPolicy = fc
  .record({ namespace, name: fc.constantFrom('g1', 'n2'), selector: selectorText, types, ingress, egress })
  .map(({ namespace, name, ...spec }) => ({
    kind: 'KubernetesNetworkPolicy',
    metadata: { namespace, name },
    spec: { tier: 'default', order: 1000, ...spec },
  }));

const endpointSlice = fc
  .record({
    namespace,
    name: fc.constantFrom('e1', 'e2', 'e3'),
    service: maybe(fc.constantFrom('db', 'web')),
    addresses: fc.array(fc.oneof(ipv4, ipv6), { maxLength: 3 }),
    ports: fc.array(
      fc.record({ protocol: maybe(fc.constantFrom('TCP', 'UDP', 'SCTP')), port: fc.constantFrom(53, 80) }),
      {
        maxLength: 2,
      },
    ),
  })
  .map(({ namespace, name, ...spec }) => ({ kind: 'EndpointSlice', metadata: { namespace, name }, spec }));

const profile = fc
  .record({
    name: fc.constantFrom('p1', 'p2', 'p3', 'kns.ns1'),
    labelsToApply: fc.oneof(
      labels,
      word.map((value) => ({ 'pcns.team': value })),
    ),
    ingress,
    egress,
  })
  .map(({ name, ...spec }) => ({ kind: 'Profile', metadata: { name }, spec }));

const tier = fc
  .record({ name: fc.constantFrom('t1', 't2'), order, defaultAction: fc.constantFrom('Deny', 'Pass') })
  .map(({ name, ...spec }) => ({ kind: 'Tier', metadata: { name }, spec }));

const networkSet = fc
  .record({
    name: fc.constantFrom('s1', 's2', 's3'),
    namespace: maybe(namespace),
    labels,
    nets: fc.uniqueArray(fc.oneof(cidr4, cidr6), { maxLength: 4 }),
  })
  .map(({ name, namespace, labels, nets }) => ({
    kind: namespace === undefined ? 'GlobalNetworkSet' : 'NetworkSet',
    metadata: { name, labels, ...(namespace === undefined ? {} : { namespace }) },
    spec: { nets },
  }));

const configuration = fc
  .record({
    failsafeInboundHostPorts: maybe(
      fc.constantFrom([], [{ protocol: 'TCP', port: 22, net: '10.0.0.0/8' }], [{ protocol: 'UDP', port: 68 }]),
    ),
    nftablesFilterDenyAction: maybe(fc.constantFrom('Drop', 'Reject')),
    defaultEndpointToHostAction: maybe(fc.constantFrom('Drop', 'Accept', 'Return')),
    workloadSourceSpoofing: maybe(fc.constantFrom('Any', 'Disabled')),
    ipv6Support: maybe(fc.boolean()),
    floatingIPs: maybe(fc.constantFrom('Enabled', 'Disabled')),
    logActionRateLimit: maybe(fc.constant('10/second')),
    logActionRateLimitBurst: maybe(fc.constantFrom(0, 5)),
  })
  .map((spec) => ({ kind: 'FelixConfiguration', metadata: { name: 'default' }, spec }));

/** A valid resource. */
export const arbitraryResource: fc.Arbitrary<Resource> = fc
  .oneof(
    { weight: 3, arbitrary: hostEndpoint },
    { weight: 4, arbitrary: workloadEndpoint },
    { weight: 5, arbitrary: globalPolicy },
    { weight: 2, arbitrary: networkPolicy },
    { weight: 1, arbitrary: kubernetesPolicy },
    { weight: 2, arbitrary: endpointSlice },
    { weight: 2, arbitrary: profile },
    { weight: 1, arbitrary: tier },
    { weight: 2, arbitrary: networkSet },
    { weight: 1, arbitrary: configuration },
  )
  .map((object) =>
    toResource({ apiVersion, ...withoutUndefined(object) }, derivedKindOf(object.kind) ? 'none' : 'client'),
  );

function withoutUndefined(value: Fields): Fields {
  return JSON.parse(JSON.stringify(value));
}

export function keyOf({ kind, metadata: { namespace, name } }: Resource): ObjectKey {
  return namespace === undefined ? { kind, name } : { kind, namespace, name };
}

/** Resources with different keys. */
export const arbitraryCluster: fc.Arbitrary<Resource[]> = fc.uniqueArray(arbitraryResource, {
  maxLength: 16,
  selector: (resource) => keyText(keyOf(resource)),
});

/** Interfaces, with addresses that endpoints may expect. */
export const arbitraryInterfaces = fc
  .dictionary(
    fc.constantFrom('eth0', '!eth1', 'eth2', 'lo', 'cali1'),
    fc.array(fc.oneof(ipv4, ipv6), { maxLength: 2 }),
    {
      noNullPrototype: true,
    },
  )
  .map(interfaces);
