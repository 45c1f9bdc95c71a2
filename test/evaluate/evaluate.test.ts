import assert from 'node:assert/strict';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import t from 'tap';
import { readAddress } from '../../src/evaluate/address.js';
import { criteria } from '../../src/evaluate/criteria.js';
import { evaluate, evaluator } from '../../src/evaluate/evaluate.js';
import { translator } from '../../src/evaluate/nat.js';
import { netTable } from '../../src/evaluate/net-table.js';
import type { ConnectionState, Packet } from '../../src/evaluate/packet.js';
import { CountedSet } from '../../src/policy/counted-set.js';
import type { EntityMatch, HostPolicy, MemberSet, Rule } from '../../src/policy/host-policy.js';
import { arbitraryCluster } from '../policy/arbitrary-cluster.js';
import { calculate, fromYaml, newCalculator, SOME_INTERFACES, toResource } from '../policy/from-yaml.js';
import {
  allow,
  deny,
  type Fields,
  felix,
  HOST_INTERFACES,
  hep,
  hostPolicy,
  object,
  packet,
  wep,
  wildcard,
  workloadPolicy,
  world,
} from './world.js';

const tcp = (port: number) => ({ protocol: 'TCP', destination: { ports: [port] } });

t.test('the path to a verdict', async (t) => {
  const ask = world(
    hep(),
    wep(1),
    object('Tier', 'first', { order: 1, defaultAction: 'Pass' }),
    workloadPolicy(1, 'first.skip', { tier: 'first', ingress: [{ action: 'Pass', ...tcp(1) }] }),
    workloadPolicy(1, 'p', {
      ingress: [{ action: 'Log' }, { action: 'Allow', ...tcp(1) }, { action: 'Deny', ...tcp(2) }],
    }),
  );
  const name = 'n1-k8s-w1-eth0';
  const endpoint = { kind: 'WorkloadEndpoint', namespace: 'default', name };
  const policy = { kind: 'GlobalNetworkPolicy', name: 'p', tier: 'default' };
  const skip = { kind: 'GlobalNetworkPolicy', name: 'first.skip', tier: 'first' };

  t.same(ask(packet('ext > w1 tcp/2')), {
    verdict: 'deny',
    by: { ...policy, direction: 'ingress', rule: 2 },
    stages: [
      {
        stage: 'forward ingress',
        class: 'forward',
        direction: 'ingress',
        endpoint: { kind: 'HostEndpoint', name: 'h' },
        result: 'allow',
        by: { kind: 'HostEndpoint', name: 'h', direction: 'ingress', rule: 'no forward policy' },
        steps: [],
      },
      {
        stage: 'workload ingress',
        class: 'normal',
        direction: 'ingress',
        endpoint,
        result: 'deny',
        by: { ...policy, direction: 'ingress', rule: 2 },
        steps: [
          { ...skip, rule: 0, action: 'Pass', matched: false, why: 'destination port 2 is not in 1' },
          { kind: 'Tier', name: 'first', tier: 'first', rule: 'end of tier', action: 'Pass', matched: true },
          { ...policy, rule: 0, action: 'Log', matched: true },
          { ...policy, rule: 1, action: 'Allow', matched: false, why: 'destination port 2 is not in 1' },
          { ...policy, rule: 2, action: 'Deny', matched: true },
        ],
      },
    ],
  });
  t.match(ask(packet('ext > w1 tcp/1')), {
    verdict: 'allow',
    by: { name: 'p', rule: 1 },
    stages: [{}, { steps: [{ name: 'first.skip', matched: true }, { rule: 0 }, { rule: 1, matched: true }] }],
  });
  t.match(ask(packet('ext > w1 tcp/3')).by, { kind: 'Tier', name: 'default', rule: 'end of tier' });
  t.same(ask(packet('ext > ext1 tcp/3', { inInterface: 'eth5' })), { verdict: 'allow', stages: [] }, 'no endpoint');
});

t.test('who decided where no rule did', async (t) => {
  const by = (answer: ReturnType<ReturnType<typeof world>>) => [answer.by?.kind, answer.by?.name, answer.by?.rule];
  const plain = world(hep(), wep(1, { profiles: ['gone'] }), wep(2));
  t.same(by(plain(packet('ext > host tcp/1'))), ['HostEndpoint', 'h', 'end of profiles']);
  t.same(by(plain(packet('ext > host tcp/22'))), ['FelixConfiguration', 'failsafeInboundHostPorts', 'failsafe']);
  t.same(by(plain(packet('host > ext udp/53'))), ['FelixConfiguration', 'failsafeOutboundHostPorts', 'failsafe']);
  t.same(by(plain(packet('ext > host tcp/1', { state: 'established' }))), ['HostEndpoint', 'h', 'established']);
  t.same(by(plain(packet('ext > host tcp/1', { state: 'related' }))), ['HostEndpoint', 'h', 'related']);
  t.same(by(plain(packet('ext > host tcp/1', { state: 'invalid' }))), ['HostEndpoint', 'h', 'invalid']);
  t.same(by(plain(packet('ext > w1 tcp/1'))), ['Profile', 'gone', 'missing']);
  t.same(by(plain(packet('ext > unknown tcp/1'))), ['Interface', 'cali9', 'unknown workload interface']);
  t.same(by(plain(packet('host > w1 tcp/1'))), ['Interface', 'cali1', 'host to workload']);
  t.match(by(plain(packet('w2 > ext udp/4789'))), ['WorkloadEndpoint', /w2/, 'encapsulated']);
  t.match(by(plain(packet('w2 > ext tcp/1', { source: '10.0.0.9' }))), ['WorkloadEndpoint', /w2/, /not a source/]);
  t.same(by(plain(packet('w2 > host tcp/1'))), ['FelixConfiguration', 'defaultEndpointToHostAction', 'Drop']);
  t.same(by(plain(packet('w2 > host icmpv6/135'))), ['Interface', 'cali2', 'neighbour discovery']);

  const early = { applyOnForward: true, preDNAT: true };
  const untracked = { applyOnForward: true, doNotTrack: true };
  const accepting = world(
    hep(),
    hostPolicy('u', { ...untracked, types: ['Ingress'], ingress: [{ action: 'Allow', ...tcp(1) }] }),
    hostPolicy('d', { ...early, ingress: [{ action: 'Allow', ...tcp(2) }] }),
  );
  t.match(accepting(packet('ext > host tcp/1')).stages, [
    { stage: 'untracked ingress', result: 'allow' },
    { stage: 'pre-DNAT ingress', result: 'skipped', by: { name: 'u' } },
    { stage: 'host ingress', result: 'skipped', by: { name: 'u', rule: 0 } },
  ]);
  t.match(accepting(packet('ext > ext1 tcp/2')).stages, [
    { stage: 'untracked ingress', result: 'none' },
    { stage: 'pre-DNAT ingress', result: 'allow' },
    { stage: 'forward ingress', result: 'skipped', by: { name: 'd', rule: 0 } },
  ]);
  const reply = accepting(packet('ext > host tcp/9', { sourcePort: 2379 }));
  t.match(reply.stages[0], { result: 'allow', by: { name: 'failsafeOutboundHostPorts', rule: 'failsafe' } });
});

t.test('why rules do not match', async (t) => {
  const why = (rule: object, text: string, more: Partial<Packet> = {}) => {
    const given = { action: 'Allow', ...rule };
    const ask = world(
      wep(1, { ports: [{ name: 'web', protocol: 'TCP', port: 80 }] }),
      workloadPolicy(1, 'p', { ingress: [given] }),
    );
    return ask(packet(`ext > w1 ${text}`, more)).stages.at(-1)?.steps?.[0]?.why;
  };
  t.equal(why({ ipVersion: 6 }, 'tcp/1'), 'it is for IPv6 only, the packet is IPv4');
  t.equal(why({ protocol: 'UDP' }, 'tcp/1'), 'protocol TCP is not UDP');
  t.equal(why({ notProtocol: 99 }, '99'), 'protocol 99 is excluded');
  t.equal(
    why({ protocol: 'ICMP', icmp: { type: 8, code: 1 } }, 'icmp/8'),
    'ICMP type 8 code 0 is not ICMP type 8 code 1',
  );
  t.equal(why({ notICMP: { type: 8 } }, 'icmp/8'), 'ICMP type 8 is excluded');
  t.equal(why({ notICMP: { type: 8 } }, 'tcp/8'), "protocol TCP is not ICMP of the rule's family");
  t.equal(why({ source: { nets: ['10.1.0.0/16'] } }, 'tcp/1'), 'source 10.0.0.9 is not in 10.1.0.0/16');
  t.equal(why({ source: { notNets: ['10.0.0.0/8'] } }, 'tcp/1'), 'source 10.0.0.9 is in notNets 10.0.0.0/8');
  t.match(why({ source: { notNets: ['10.0.0.0/8'] } }, 'tcp/1', { family: 6 }), /notNets has no IPv6 network/);
  t.equal(why({ source: { selector: 'has(x)' } }, 'tcp/1'), 'source 10.0.0.9 is not selected by has(x)');
  t.match(
    why({ destination: { notSelector: 'has(workload)' } }, 'tcp/1'),
    /^destination 10\.65\.0\.1 is selected by has\(workload\)/,
  );
  t.match(
    why({ source: { services: { name: 's', namespace: 'n' } } }, 'tcp/1'),
    /^source 10\.0\.0\.9 with TCP port 50000 is no endpoint of service n\/s$/,
  );
  t.equal(why({ ...tcp(1), destination: { ports: [1, '3:4'] } }, 'tcp/2'), 'destination port 2 is not in 1, 3:4');
  t.match(
    why({ protocol: 'TCP', destination: { ports: ['web'] } }, 'tcp/2'),
    /^destination port 2 of 10\.65\.0\.1 is not in "port web of all\(\)"$/,
  );
  t.match(why({ protocol: 'TCP', source: { notPorts: [50000] } }, 'tcp/2'), 'source port 50000 is in notPorts 50000');
  t.equal(why({ destination: { ports: ['web'] } }, 'icmp/8'), 'protocol ICMP has no destination port');
  const many = Array.from({ length: 6 }, (_, index) => `10.${index + 1}.0.0/16`);
  t.match(why({ source: { nets: many } }, 'tcp/1'), /10\.4\.0\.0\/16 and 2 more$/);
});

t.test('every criterion of a rule can fail', async (t) => {
  const side: Required<EntityMatch> = {
    nets: ['10.0.0.0/8'],
    notNets: ['10.0.0.0/8'],
    set: 'none',
    notSet: 'all',
    service: 'none',
    ports: { ranges: [], sets: [] },
    notPorts: { ranges: [{ from: 0, to: 65535 }], sets: [] },
  };
  // The type asks for each field, and so for a value here when there is a new one.
  const fields: Omit<Required<Rule>, 'action' | 'annotations' | 'source' | 'destination'> = {
    ipVersion: 6,
    protocol: 17,
    notProtocol: 6,
    icmp: { type: 8 },
    notICMP: { type: 8 },
  };
  const base: Rule = { action: 'Allow', source: {}, destination: {} };
  const rules = [
    ...Object.entries(fields).map(([name, value]) => ({ ...base, [name]: value })),
    ...Object.entries(side).flatMap(([name, value]) => [
      { ...base, source: { [name]: value } },
      { ...base, destination: { [name]: value } },
    ]),
  ];
  const policyOf = (rule: Rule): HostPolicy => {
    const { hostPolicy } = calculate(
      fromYaml('kind: HostEndpoint\nmetadata: {name: h}\nspec: {node: n1, interfaceName: eth0, profiles: [p]}'),
    );
    const all = memberSet('all', 'net', ['0.0.0.0/0']);
    return {
      ...hostPolicy,
      profiles: new Map([['p', { name: 'p', ingress: [rule], egress: [] }]]),
      sets: new Map([['all', all]]),
    };
  };
  const from = {
    inInterface: 'eth0',
    family: 4,
    state: 'new',
    protocol: 6,
    sourcePort: 1,
    destinationPort: 2,
  } as const;
  const incoming: Packet = { ...from, source: '10.0.0.1', destination: '10.0.0.2' };
  const outside: Packet = { ...from, source: '11.0.0.1', destination: '11.0.0.2' };
  t.equal(evaluate(policyOf(base), incoming).verdict, 'allow');
  t.equal(criteria.length, rules.length);
  for (const rule of rules) {
    const nets = rule.source.nets ?? rule.destination.nets;
    t.equal(evaluate(policyOf(rule), nets ? outside : incoming).verdict, 'deny', JSON.stringify(rule));
  }
});

function memberSet(id: string, kind: MemberSet['kind'], members: Iterable<string>): MemberSet {
  const set = new CountedSet({ id, kind, description: id });
  for (const member of members) set.add(member);
  return set;
}

t.test('services', async (t) => {
  const { hostPolicy } = calculate(
    fromYaml('kind: HostEndpoint\nmetadata: {name: h}\nspec: {node: n1, interfaceName: eth0, profiles: [p]}'),
  );
  const rules: Rule[] = [{ action: 'Allow', source: {}, destination: { service: 'svc' } }];
  const incoming: Rule[] = [{ action: 'Allow', source: { service: 'peers' }, destination: {} }];
  const policy: HostPolicy = {
    ...hostPolicy,
    profiles: new Map([['p', { name: 'p', ingress: incoming, egress: rules }]]),
    sets: new Map([
      ['svc', memberSet('svc', 'ip,port', ['10.65.0.9,6:80', 'fd00::9,17:53'])],
      ['peers', memberSet('peers', 'net', ['10.65.0.9/32'])],
    ]),
  };
  const ask = (text: string, more: Partial<Packet>) => evaluate(policy, packet(text, more)).verdict;
  t.equal(ask('host > ext tcp/80', { destination: '10.65.0.9' }), 'allow');
  t.equal(ask('host > ext tcp/81', { destination: '10.65.0.9' }), 'deny');
  t.equal(ask('host > ext udp/80', { destination: '10.65.0.9' }), 'deny');
  t.equal(ask('host > ext udp/5353', { family: 6, destination: 'FD00:0::9' }), 'deny');
  t.equal(ask('host > ext udp/53', { family: 6, destination: 'FD00:0::9' }), 'allow', 'addresses in any spelling');
  t.equal(ask('ext > host tcp/1', { source: '10.65.0.9' }), 'allow', 'any port of a peer');
  t.equal(ask('ext > host tcp/1', { source: '10.65.0.8' }), 'deny');
});

t.test('ipNATs', async (t) => {
  const external = '192.0.2.77';
  const ipNATs = [
    { internalIP: '10.65.0.1', externalIP: external },
    { internalIP: 'fd65::1', externalIP: '2001:db8::77' },
  ];
  const toInternal = [{ action: 'Allow', destination: { nets: ['10.65.0.1/32'] } }];
  const objects = (more: Fields = {}) => [
    hep(),
    wep(1, { ipNATs }),
    felix({ floatingIPs: 'Enabled', ...more }),
    workloadPolicy(1, 'p', { types: ['Ingress'], ingress: toInternal }),
  ];
  const ask = world(...objects());
  const sent = (more: Partial<Packet> = {}) => packet('ext > w1 tcp/80', { destination: external, ...more });
  t.match(ask(sent()), { verdict: 'allow', by: { name: 'p', rule: 0 } }, 'policy sees the internal address');
  t.equal(ask(sent({ dnat: false })).verdict, 'deny', 'whoever knows that it is not translated says so');
  t.equal(ask(sent({ beforeDNAT: { destination: '192.0.2.1' } })).verdict, 'deny', 'somebody else has translated it');
  t.equal(ask(sent({ family: 6, source: 'fd00::9', destination: '2001:DB8::0077' })).by?.kind, 'Tier');
  t.equal(world(...objects({ floatingIPs: 'Disabled' }))(sent()).verdict, 'deny');

  const preDNAT = hostPolicy('pre', {
    preDNAT: true,
    applyOnForward: true,
    types: ['Ingress'],
    ingress: [{ action: 'Deny', destination: { nets: [`${external}/32`] } }],
  });
  t.equal(world(...objects(), preDNAT)(sent()).by?.name, 'pre', 'before DNAT policy sees the external one');
  const untracked = hostPolicy('raw', { doNotTrack: true, applyOnForward: true, ingress: allow, egress: allow });
  t.equal(world(...objects(), untracked)(sent()).verdict, 'deny', 'what is not tracked is not translated');

  const { hostPolicy: policy } = calculate(
    objects().map((value) => toResource(value)),
    { on: HOST_INTERFACES },
  );
  const translate = translator(policy);
  const arriving = sent();
  t.same(translate(arriving), {
    ...arriving,
    destination: '10.65.0.1',
    beforeDNAT: { destination: external, destinationPort: 80, outInterface: 'cali1' },
  });
  t.equal(translate(sent({ state: 'established' })).destination, '10.65.0.1');
  for (const same of [
    sent({ state: 'related' }),
    sent({ state: 'invalid' }),
    sent({ state: 'untracked' }),
    packet('ext > w1 tcp/80'),
  ])
    t.equal(translate(same), same);
  const withoutIPv6 = translator({ ...policy, parameters: { ...policy.parameters, ipv6Support: false } });
  const sixth = sent({ family: 6, source: 'fd00::9', destination: '2001:db8::77' });
  t.equal(withoutIPv6(sixth), sixth);
  t.equal(translate(sixth).destination, 'fd65::1');
});

t.test('members of sets may change', async (t) => {
  const calculator = newCalculator();
  calculator.setInterfaces(SOME_INTERFACES);
  const netSet = (net: string) => `kind: GlobalNetworkSet
metadata: {name: s, labels: {net: yes-it-is}}
spec: {nets: [${net}]}`;
  const rest = `kind: HostEndpoint
metadata: {name: h}
spec: {node: n1, interfaceName: eth0}
---
kind: GlobalNetworkPolicy
metadata: {name: p}
spec:
  ingress: [{action: Allow, source: {selector: has(net)}}]
`;
  for (const resource of fromYaml(`${rest}---\n${netSet('10.0.0.0/24')}`)) calculator.upsert(resource);
  const ask = evaluator(calculator.calculate().hostPolicy);
  t.equal(ask(packet('ext > host tcp/1')).verdict, 'allow');
  for (const resource of fromYaml(netSet('10.9.0.0/24'))) calculator.upsert(resource);
  t.equal(ask(packet('ext > host tcp/1')).verdict, 'deny');
  t.equal(ask(packet('ext > host tcp/1', { source: '10.9.0.1' })).verdict, 'allow');
});

t.test('what is no packet', async (t) => {
  const ask = world(hep());
  const wrong = (more: Partial<Packet>) => () => ask(packet('ext > host tcp/1', more));
  t.throws(wrong({ source: 'fd00::1' }), { name: 'RangeError', message: '"fd00::1" is no IPv4 address' });
  for (const source of ['1', '010.0.0.1', '10.0.0.256', '']) t.throws(wrong({ source }), { name: 'RangeError' });
  t.throws(wrong({ family: 6, source: 'fe80::1%eth0', destination: '::1' }), { name: 'RangeError' });
  t.throws(wrong({ inInterface: undefined }), /path out needs outInterface/);
  t.throws(wrong({ path: 'forward' }), /path forward needs outInterface/);
  t.throws(wrong({ path: 'in', inInterface: undefined }), /path in needs inInterface/);
});

t.test('look-up of networks', async (t) => {
  const octet = fc.constantFrom(0, 1, 127, 128, 255);
  const address = (family: 4 | 6) =>
    fc
      .array(octet, { minLength: family === 4 ? 4 : 16, maxLength: family === 4 ? 4 : 16 })
      .map((octets) => ipaddr.fromByteArray(octets));
  const net = (family: 4 | 6) =>
    fc.tuple(address(family), fc.integer({ min: 0, max: family === 4 ? 32 : 128 })).map(([given, length]) => {
      const text = `${given.toString()}/${length}`;
      const network =
        family === 4 ? ipaddr.IPv4.networkAddressFromCIDR(text) : ipaddr.IPv6.networkAddressFromCIDR(text);
      return `${network.toString()}/${length}`;
    });
  const property = fc.property(
    fc
      .constantFrom(4 as const, 6 as const)
      .chain((family) => fc.tuple(fc.constant(family), fc.array(net(family), { maxLength: 4 }), address(family))),
    ([family, nets, given]) => {
      const expected = nets.some((cidr) => {
        const [range, length] = ipaddr.parseCIDR(cidr);
        return given.match(range as never, length);
      });
      assert.equal(netTable(nets).has(readAddress(given.toString(), family)), expected);
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
});

const states: readonly ConnectionState[] = ['new', 'established', 'related', 'invalid', 'untracked'];
const names = ['lo', 'eth0', 'eth1', 'cali1', 'cali2', 'tap1'];
/** Those that the endpoints and nets of random clusters are made of. */
const address = (family: 4 | 6) =>
  fc.integer({ min: 1, max: 7 }).map((number) => (family === 4 ? `10.0.0.${number}` : `fd00::${number}`));
const arbitraryPacket: fc.Arbitrary<Packet> = fc.constantFrom(4 as const, 6 as const).chain((family) =>
  fc.record({
    path: fc.constantFrom('in' as const, 'out' as const, 'forward' as const),
    inInterface: fc.constantFrom(...names),
    outInterface: fc.constantFrom(...names),
    family: fc.constant(family),
    source: address(family),
    destination: address(family),
    protocol: fc.constantFrom(1, 4, 6, 17, 58, 132, 253),
    sourcePort: fc.constantFrom(22, 80, 2379, 40_000),
    destinationPort: fc.constantFrom(22, 80, 443, 2379, 8080),
    icmpType: fc.constantFrom(3, 8, 128, 135),
    icmpCode: fc.constantFrom(0, 1),
    hopLimit: fc.constantFrom(64, 255),
    state: fc.constantFrom(...states),
    dnat: fc.boolean(),
  }),
);

t.test('what must hold for every policy and packet', async (t) => {
  const property = fc.property(
    arbitraryCluster,
    fc.array(arbitraryPacket, { minLength: 30, maxLength: 30 }),
    (cluster, packets) => {
      const { hostPolicy } = calculate(cluster);
      const ask = evaluator(hostPolicy);
      const askWithoutLog = evaluator(withoutLog(hostPolicy));
      for (const one of packets) {
        const { verdict, by, stages } = ask(one);
        const detailed = ask(one, { steps: true });
        assert.deepEqual([detailed.verdict, detailed.by], [verdict, by], 'steps change nothing');
        assert.equal(askWithoutLog(one).verdict, verdict, 'Log decides nothing');
        assert.equal(stages.at(-1)?.result === 'deny', verdict !== 'allow');
        assert.ok(
          stages.slice(0, -1).every(({ result }) => result !== 'deny'),
          'a denial is final',
        );
        if (verdict !== 'allow') assert.ok(by, 'it is said what denied');
        for (const { by: decider, steps = [] } of detailed.stages) {
          assert.ok(steps.every(({ matched, why }) => matched === (why === undefined)));
          if (typeof decider?.rule === 'number' && steps.length > 0) assert.equal(steps.at(-1)?.rule, decider.rule);
        }
      }
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 100 }));
});

function withoutLog(policy: HostPolicy): HostPolicy {
  const keep = (rules: readonly Rule[]) => rules.filter(({ action }) => action !== 'Log');
  const filtered = <T extends { readonly ingress: readonly Rule[]; readonly egress: readonly Rule[] }>(
    all: ReadonlyMap<string, T>,
  ) => new Map([...all].map(([id, one]) => [id, { ...one, ingress: keep(one.ingress), egress: keep(one.egress) }]));
  return { ...policy, policies: filtered(policy.policies), profiles: filtered(policy.profiles) };
}

t.test('IPv6 that Felix does not support is left alone', async (t) => {
  const ask = world(
    felix({ ipv6Support: false }),
    wildcard(),
    wep(1),
    workloadPolicy(1, 'p', { ingress: deny, egress: allow }),
  );
  t.same(ask(packet('ext > w1 tcp/1', { family: 6 })), { verdict: 'allow', stages: [] });
  t.equal(ask(packet('ext > w1 tcp/1')).verdict, 'deny');
});
