import t from 'tap';
import { fakeDriver } from '../../src/nft/fake-driver.js';
import { kernelTable } from '../../src/nft/kernel-table.js';
import { chainPool } from '../../src/ruleset/chain-pool.js';
import { logPrefixOf } from '../../src/ruleset/log-prefix.js';
import { conntrackTable, renderTable, TABLE } from '../../src/ruleset/render.js';
import { calculate, fromYaml, newCalculator } from '../policy/from-yaml.js';
import { showTable, tableOf, verdictOf } from './shown.js';

const OPEN = 'ct state established,related accept';
const INVALID = 'ct state invalid drop';
const CONNTRACK = [OPEN, INVALID];
const NEIGHBOURS = 'icmpv6 type 133-136 ip6 hoplimit 255 accept';
const MULTICAST = 'icmpv6 type { 130, 131, 132, 133, 135, 136 } accept';
const TCP_FAILSAFES = [179, 2379, 2380, 5473, 6443, 6666, 6667].map((port) => `tcp . ${port}`).join(', ');
const FAILSAFES = {
  ingress: `meta l4proto . th dport { tcp . 22, ${TCP_FAILSAFES}, udp . 68 } accept`,
  egress: `meta l4proto . th dport { ${TCP_FAILSAFES}, udp . 53, udp . 67 } accept`,
};

const hep = (name: string, spec: string, labels = 'role: a') => `
---
kind: HostEndpoint
metadata: {name: ${name}, labels: {${labels}}}
spec: {node: n1, ${spec}}
`;
const gnp = (name: string, spec: string) => `
---
kind: GlobalNetworkPolicy
metadata: {name: ${name}}
spec: {selector: role == 'a', ${spec}}
`;
const wep = (pod: string, spec: string) => `
---
kind: WorkloadEndpoint
metadata: {namespace: ns1, labels: {role: a}}
spec: {node: n1, orchestrator: k8s, pod: ${pod}, endpoint: eth0, ${spec}}
`;
const felix = (spec: string) => `
---
kind: FelixConfiguration
metadata: {name: default}
spec: {${spec}}
`;
const tier = (name: string, spec: string) => `
---
kind: Tier
metadata: {name: ${name}}
spec: {${spec}}
`;
const profile = (name: string, spec: string) => `
---
kind: Profile
metadata: {name: ${name}}
spec: {${spec}}
`;
const ALLOW = '[{action: Allow}]';
const DENY = '[{action: Deny}]';
const PASS = '[{action: Pass, protocol: TCP}]';

/** What is left of a stage after what every one begins with. */
function policyPart(lines: readonly string[] | undefined): string[] {
  const prologue = [INVALID, NEIGHBOURS, ...Object.values(FAILSAFES)];
  return (lines ?? []).filter((line) => !prologue.includes(line));
}

t.test('nothing: workload interfaces are closed, everything else is left alone', async (t) => {
  const shown = tableOf('');
  t.equal(shown.table.name, TABLE);
  t.strictSame(shown.stages, ['forward-from-workload', 'forward-to-workload', 'input-from-workload', 'input-host']);
  t.strictSame(shown.chain('forward-from-workload'), ['iifname "cali*" drop']);
  t.strictSame(shown.chain('forward-to-workload'), ['oifname "cali*" drop']);
  t.strictSame(shown.chain('input-from-workload'), ['iifname != "cali*" accept', MULTICAST, 'drop']);
  t.strictSame(shown.chain('input-host'), [OPEN, 'iifname "cali*" goto workload-to-host']);
  t.strictSame(shown.table.maps, []);
  t.strictSame(shown.table.sets, []);
});

t.test('prefixes of workload interfaces', async (t) => {
  const shown = tableOf(felix('interfacePrefix: "cali,tap,abcdefghijklmno"'));
  t.strictSame(shown.chain('forward-to-workload'), [
    'oifname "cali*" drop',
    'oifname "tap*" drop',
    // As long as a name can be: nft refuses a star behind it, and nothing could follow.
    'oifname "abcdefghijklmno" drop',
  ]);
  t.equal(
    shown.chain('input-from-workload')[0],
    'iifname != "cali*" iifname != "tap*" iifname != "abcdefghijklmno" accept',
  );
});

t.test('a host endpoint alone: its host is closed but for failsafes, forwarding is not', async (t) => {
  const shown = tableOf(hep('h', 'interfaceName: eth0'));
  t.strictSame(shown.stages, [
    'forward-from-workload',
    'forward-host-egress',
    'forward-host-ingress',
    'forward-to-workload',
    'input-from-workload',
    'input-host',
    'output-host',
    'postrouting-host',
  ]);
  t.strictSame(shown.from('host-ingress', 'eth0'), [INVALID, NEIGHBOURS, FAILSAFES.ingress, 'drop']);
  t.strictSame(shown.from('host-egress', 'eth0'), [INVALID, NEIGHBOURS, FAILSAFES.egress, 'drop']);
  t.strictSame(shown.from('host-egress-dnat', 'eth0'), [INVALID, NEIGHBOURS, FAILSAFES.egress, 'drop']);
  t.strictSame(shown.from('forward-ingress', 'eth0'), [INVALID]);
  t.strictSame(shown.from('forward-egress', 'eth0'), [INVALID]);
  t.equal(shown.from('host-ingress', 'eth1'), undefined);
  t.strictSame(
    shown.chain('input-host'),
    [OPEN, 'iifname vmap @host-ingress', 'iifname "cali*" goto workload-to-host'],
    'what has a host endpoint is no workload, and is looked up first',
  );
  t.strictSame(shown.chain('forward-host-ingress'), [OPEN, 'iifname vmap @forward-ingress']);
  t.strictSame(shown.chain('forward-host-egress'), [OPEN, 'oifname vmap @forward-egress']);
  t.strictSame(shown.chain('output-host'), [
    OPEN,
    'oifname "cali*" accept',
    'ct status dnat accept',
    'oifname vmap @host-egress',
  ]);
  t.strictSame(shown.chain('postrouting-host'), ['iif != 0 accept', 'ct status dnat goto host-egress-dnat']);
  t.strictSame(shown.chain('host-egress-dnat'), [OPEN, 'oifname vmap @host-egress-dnat']);
});

t.test('an endpoint without an interface here is nowhere', async (t) => {
  t.strictSame(tableOf(hep('h', 'expectedIPs: [203.0.113.9]')).stages, tableOf('').stages);
});

t.test('a name that is not there yet has its rules already', async (t) => {
  t.ok(tableOf(hep('h', 'interfaceName: eth7')).from('host-ingress', 'eth7'));
});

t.test(
  'the wildcard takes what no other endpoint has, workload interfaces left out where the host itself is concerned',
  async (t) => {
    const shown = tableOf(
      hep('all', 'interfaceName: "*"') + hep('h', 'interfaceName: eth0', 'role: b') + gnp('p', `ingress: ${ALLOW}`),
    );
    t.strictSame(
      shown.chain('input-host'),
      [OPEN, 'iifname vmap @host-ingress', 'iifname "cali*" goto workload-to-host', 'goto host-ingress'],
      'the chain of the wildcard comes after the map',
    );
    t.strictSame(policyPart(shown.from('host-ingress', 'eth0')), ['drop']);
    t.strictSame(shown.chain('forward-host-ingress'), [OPEN, 'iifname vmap @forward-ingress', 'goto forward-ingress']);
    t.strictSame(shown.chain('host-egress-dnat'), [
      OPEN,
      'oifname vmap @host-egress-dnat',
      'oifname "cali*" accept',
      'goto host-egress',
    ]);
  },
);

t.test('no invalid check', async (t) => {
  const shown = tableOf(hep('h', 'interfaceName: eth0') + felix('disableConntrackInvalidCheck: true'));
  t.equal(shown.from('host-ingress', 'eth0')?.[0], NEIGHBOURS);
  t.notOk(JSON.stringify(shown.table).includes('invalid'));
});

t.test('REJECT, but not below postrouting', async (t) => {
  const shown = tableOf(
    hep('h', 'interfaceName: eth0') + gnp('p', `egress: ${DENY}`) + felix('nftablesFilterDenyAction: Reject'),
  );
  const reject = 'reject with icmpx type port-unreachable';
  t.strictSame(policyPart(shown.from('host-egress', 'eth0')), [`ct state invalid ${reject}`, reject, reject]);
  t.strictSame(policyPart(shown.from('host-egress-dnat', 'eth0')), ['drop', 'drop']);
  t.strictSame(shown.chain('forward-to-workload'), [`oifname "cali*" ${reject}`]);
  t.strictSame(shown.chain('workload-to-host').at(-1), 'drop', 'defaultEndpointToHostAction is no policy');
});

t.test('ipv6Support false: each base chain lets IPv6 go', async (t) => {
  const policy = hep('h', 'interfaceName: eth0') + wep('w', 'interfaceName: cali1, ipNetworks: [10.0.0.1]');
  const shown = tableOf(policy + felix('ipv6Support: false'));
  for (const stage of shown.stages) t.equal(shown.chain(stage)[0], 'meta nfproto ipv6 accept', stage);
  for (const stage of tableOf(policy).stages) t.not(tableOf(policy).chain(stage)[0], 'meta nfproto ipv6 accept', stage);
});

t.test('nftablesFilterAllowAction Return: answers to the host meet defaultEndpointToHostAction', async (t) => {
  const shown = tableOf(hep('h', 'interfaceName: eth0') + felix('nftablesFilterAllowAction: Return'));
  t.strictSame(shown.chain('input-host'), [
    'iifname "cali*" goto workload-to-host',
    OPEN,
    'iifname vmap @host-ingress',
  ]);
});

t.test('failsafe ports', async (t) => {
  const of = (spec: string, more = '') => tableOf(hep('h', 'interfaceName: eth0') + felix(spec) + more);
  const withNets = of(
    'failsafeInboundHostPorts: [{protocol: TCP, port: 22}, {protocol: TCP, port: 23, net: 10.0.0.0/8}, {protocol: UDP, port: 24, net: "fd00::/8"}, {protocol: TCP, port: 25, net: 0.0.0.0/0}]',
  );
  t.strictSame(withNets.from('host-ingress', 'eth0')?.slice(2, -1), [
    'meta l4proto . th dport { tcp . 22 } accept',
    'meta nfproto ipv4 meta l4proto . th dport { tcp . 25 } accept',
    'meta nfproto ipv4 ip saddr 10.0.0.0/8 meta l4proto . th dport { tcp . 23 } accept',
    'meta nfproto ipv6 ip6 saddr fd00::/8 meta l4proto . th dport { udp . 24 } accept',
  ]);
  const none = of(
    'failsafeInboundHostPorts: [], failsafeOutboundHostPorts: [{protocol: TCP, port: 80, net: 10.0.0.0/8}]',
  );
  t.strictSame(none.from('host-ingress', 'eth0'), [INVALID, NEIGHBOURS, 'drop']);
  t.strictSame(none.from('host-egress', 'eth0')?.slice(2, -1), [
    'meta nfproto ipv4 ip daddr 10.0.0.0/8 meta l4proto . th dport { tcp . 80 } accept',
  ]);

  const untracked = of(
    'failsafeInboundHostPorts: [{protocol: TCP, port: 22, net: 10.0.0.0/8}], failsafeOutboundHostPorts: [{protocol: UDP, port: 53}]',
    gnp('p', `doNotTrack: true, applyOnForward: true, ingress: ${DENY}, egress: ${DENY}`),
  );
  t.strictSame(
    untracked.from('untracked-ingress', 'eth0')?.slice(1, -1),
    [
      'meta nfproto ipv4 ip saddr 10.0.0.0/8 meta l4proto . th dport { tcp . 22 } accept',
      'meta l4proto . th sport { udp . 53 } accept',
    ],
    'answers too',
  );
  t.strictSame(untracked.from('untracked-egress', 'eth0')?.slice(1, -1), [
    'meta l4proto . th dport { udp . 53 } accept',
    'meta nfproto ipv4 ip daddr 10.0.0.0/8 meta l4proto . th sport { tcp . 22 } accept',
  ]);
});

t.test('many rules for ports: failsafe ports are found by the same look-up, before them', async (t) => {
  const ports = [22, 1001, 1002, 1003, 1004, 1005].map(
    (port) => `{action: Deny, protocol: TCP, destination: {ports: [${port}]}}`,
  );
  const shown = tableOf(
    hep('h', 'interfaceName: eth0') +
      gnp('p', `ingress: [${ports}]`) +
      felix('failsafeInboundHostPorts: [{protocol: TCP, port: 22}, {protocol: TCP, port: 23, net: 10.0.0.0/8}]'),
  );
  const [map] = shown.table.maps.filter(({ name }) => name.startsWith('ports-'));
  t.strictSame(shown.from('host-ingress', 'eth0'), [
    INVALID,
    NEIGHBOURS,
    `meta l4proto . th dport vmap @${map?.name}`,
    'drop',
  ]);
  const behind = (port: number) => {
    const verdict = map?.elements.find(([key]) => Array.isArray(key) && key[0] === 6 && key[1] === port)?.[1];
    return verdict && 'chain' in verdict ? shown.chain(verdict.chain) : undefined;
  };
  t.strictSame(behind(22), ['accept', 'drop'], 'the failsafe port comes first');
  t.strictSame(behind(23), ['meta nfproto ipv4 ip saddr 10.0.0.0/8 accept']);
  t.strictSame(behind(1001), ['drop']);
});

t.test('tiers, default actions, profiles', async (t) => {
  const ingress = (yaml: string) =>
    policyPart(tableOf(hep('h', 'interfaceName: eth0, profiles: [p1, p2]') + yaml).from('host-ingress', 'eth0'));
  const profiles =
    profile('p1', 'ingress: [{action: Allow, protocol: UDP}]') +
    profile('p2', 'ingress: [{action: Deny, protocol: SCTP}]');
  const [udp, sctp] = ['meta l4proto udp accept', 'meta l4proto sctp drop'];

  t.strictSame(ingress(profiles), [udp, sctp, 'drop'], 'profiles in order, then deny');
  t.strictSame(
    ingress(profile('p2', `ingress: ${ALLOW}`)),
    ['drop'],
    'one that does not exist denies, and nothing comes after',
  );
  t.strictSame(ingress(profiles + gnp('g', 'types: [Egress]')), [udp, sctp, 'drop'], 'a policy of the other direction');
  t.strictSame(ingress(profiles + gnp('g', 'types: [Ingress]')), ['drop'], 'a policy without rules: end of tier');
  t.strictSame(ingress(profiles + gnp('g', 'ingress: [{action: Allow, protocol: TCP}]')), [
    'meta l4proto tcp accept',
    'drop',
  ]);
  const passTier =
    tier('t', 'order: 1, defaultAction: Pass') + gnp('g', 'tier: t, ingress: [{action: Deny, protocol: TCP}]');
  t.strictSame(
    ingress(profiles + passTier),
    ['meta l4proto tcp drop', udp, sctp, 'drop'],
    'a tier that passes on by default',
  );
  t.strictSame(
    ingress(
      profiles +
        passTier +
        gnp('d', 'order: 2, ingress: [{action: Allow, protocol: ICMP}]') +
        gnp('c', 'order: 1, ingress: [{action: Log}]'),
    ),
    [
      'meta l4proto tcp drop',
      'log prefix "calico-packet: " level info',
      'meta nfproto ipv4 meta l4proto icmp accept',
      'drop',
    ],
    'the default tier after it, policies by order',
  );
  t.strictSame(
    ingress(profiles + gnp('g', `tier: ghost, ingress: ${PASS}`)).at(-1),
    'drop',
    'a tier that does not exist denies at its end',
  );
});

t.test('Pass leads to the next tier, and from the last one to the profiles', async (t) => {
  const two = tableOf(
    hep('h', 'interfaceName: eth0, profiles: [p1]') +
      profile('p1', `ingress: ${ALLOW}`) +
      tier('t1', 'order: 1') +
      tier('t2', 'order: 2, defaultAction: Pass') +
      gnp('g1', `tier: t1, ingress: [{action: Pass, protocol: TCP}, {action: Pass, protocol: UDP}]`) +
      gnp(
        'g2',
        `tier: t2, ingress: [{action: Pass, protocol: TCP, destination: {ports: [80]}}, {action: Deny, protocol: 253}]`,
      ),
  );
  const first = two.from('host-ingress', 'eth0') ?? [];
  t.strictSame(policyPart(first), ['meta l4proto tcp goto host-ingress', 'meta l4proto udp goto host-ingress', 'drop']);
  const chains = two.table.chains.filter(({ name }) => name.startsWith('host-ingress-'));
  const comments = chains.map(({ comment }) => comment).sort();
  t.strictSame(
    comments,
    ['profile p1', 't1: GlobalNetworkPolicy/g1; t2: GlobalNetworkPolicy/g2; profiles: p1', 'tier t2'],
    'one chain for each that something leads to',
  );
  const second = chains.find(({ comment }) => comment === 'tier t2');
  t.strictSame(showTable(two.table).chain(second?.name ?? ''), [
    'meta l4proto tcp th dport 80 goto host-ingress',
    'meta l4proto 253 drop',
    'goto host-ingress',
  ]);
});

t.test('Pass where nothing comes after: return, which ends the stage', async (t) => {
  const shown = tableOf(hep('h', 'interfaceName: eth0') + gnp('g', `applyOnForward: true, ingress: ${PASS}`));
  t.strictSame(policyPart(shown.from('forward-ingress', 'eth0')), ['meta l4proto tcp return', 'drop']);
  t.strictSame(policyPart(shown.from('forward-egress', 'eth0')), [], 'egress without a tier is undecided');
});

t.test('Pass in a profile leads to the next one', async (t) => {
  const shown = tableOf(
    hep('h', 'interfaceName: eth0, profiles: [p1, p2]') +
      profile('p1', `ingress: ${PASS}`) +
      profile('p2', `ingress: ${ALLOW}`),
  );
  t.strictSame(policyPart(shown.from('host-ingress', 'eth0')), [
    'meta l4proto tcp goto host-ingress',
    'goto host-ingress',
  ]);
});

t.test('what can not be reached leaves nothing behind', async (t) => {
  const shown = tableOf(
    hep('h', 'interfaceName: eth0, profiles: [none, p1, p2]') +
      profile('p1', `ingress: [{action: Pass, source: {selector: has(x)}}]`) +
      profile('p2', `ingress: ${ALLOW}`) +
      gnp('g', `types: [Egress]`),
  );
  t.strictSame(policyPart(shown.from('host-ingress', 'eth0')), ['drop']);
  t.strictSame(shown.table.sets, []);
  t.equal(shown.table.chains.filter(({ name }) => name.startsWith('host-ingress-')).length, 1);
});

t.test('pre-DNAT policy, and its mark', async (t) => {
  const policy = gnp(
    'p',
    'preDNAT: true, applyOnForward: true, ingress: [{action: Allow, protocol: TCP}, {action: Deny}]',
  );
  const shown = tableOf(hep('h', 'interfaceName: eth0') + hep('other', 'interfaceName: eth1', 'role: b') + policy);
  const allowed = 'meta mark & 0x00010000 != 0x00000000 accept';
  const clear = 'meta mark set meta mark & 0xfffeffff | 0x00000000';
  t.strictSame(shown.chain('pre-dnat'), [OPEN, allowed, 'iifname vmap @pre-dnat-ingress']);
  t.strictSame(policyPart(shown.from('pre-dnat-ingress', 'eth0')), [
    'meta l4proto tcp meta mark set meta mark & 0xfffeffff | 0x00010000 accept',
    'drop',
  ]);
  t.equal(shown.from('pre-dnat-ingress', 'eth1'), undefined);
  t.strictSame(shown.chain('raw-prerouting'), [clear]);
  t.strictSame(shown.chain('raw-output'), [clear]);
  t.strictSame(
    shown.chain('input-host'),
    [OPEN, 'iifname "cali*" goto workload-to-host', allowed, 'iifname vmap @host-ingress'],
    'it means nothing for what workloads send to the host',
  );
  t.equal(shown.chain('forward-host-ingress')[1], allowed);
  t.not(shown.chain('forward-host-egress')[1], allowed);
  t.equal(shown.chain('output-host')[1], allowed);
  t.strictSame(shown.chain('postrouting-host').slice(0, 2), ['iif != 0 accept', allowed]);
});

t.test('an interface whose endpoint has no pre-DNAT policy is subject to that of the wildcard', async (t) => {
  const shown = tableOf(
    hep('all', 'interfaceName: "*"') +
      hep('h', 'interfaceName: eth0', 'role: b') +
      gnp('p', `preDNAT: true, applyOnForward: true, ingress: ${DENY}`),
  );
  t.strictSame(shown.chain('pre-dnat'), [OPEN, 'meta mark & 0x00010000 != 0x00000000 accept', 'goto pre-dnat']);
});

t.test('marks only where something needs them', async (t) => {
  const shown = tableOf(hep('h', 'interfaceName: eth0') + gnp('p', `applyOnForward: true, ingress: ${ALLOW}`));
  t.notOk(JSON.stringify(shown.table).includes('mark'));
  t.notOk(shown.stages.includes('raw-prerouting'));
});

t.test('the lowest bit of the mask', async (t) => {
  const shown = tableOf(
    hep('h', 'interfaceName: eth0') +
      gnp('p', `preDNAT: true, applyOnForward: true, ingress: ${DENY}`) +
      felix('nftablesMarkMask: 0xf0000000'),
  );
  t.strictSame(shown.chain('raw-output'), ['meta mark set meta mark & 0xefffffff | 0x00000000']);
});

t.test('untracked policy', async (t) => {
  const policy = gnp('p', `doNotTrack: true, applyOnForward: true, ingress: ${ALLOW}, egress: ${DENY}`);
  const shown = tableOf(
    hep('all', 'interfaceName: "*"') +
      hep('h', 'interfaceName: eth0') +
      hep('other', 'interfaceName: eth1', 'role: b') +
      policy,
  );
  t.strictSame(shown.from('untracked-ingress', 'eth0'), [
    NEIGHBOURS,
    FAILSAFES.ingress,
    FAILSAFES.egress.replace('dport', 'sport'),
    'notrack meta mark set meta mark & 0xfffeffff | 0x00010000 accept',
  ]);
  t.strictSame(shown.from('untracked-egress', 'eth0'), [
    NEIGHBOURS,
    FAILSAFES.egress,
    FAILSAFES.ingress.replace('dport', 'sport'),
    'drop',
  ]);
  t.equal(shown.from('untracked-ingress', 'eth1'), undefined);
  t.strictSame(shown.chain('raw-output').at(-1), 'oifname vmap @untracked-egress', 'not for the wildcard');
  t.notOk(shown.stages.includes('pre-dnat'));
});

t.test('workloads', async (t) => {
  const shown = tableOf(
    wep('w1', 'interfaceName: cali1, ipNetworks: [10.0.0.1, "fd00::1"], profiles: [projectcalico-default-allow]') +
      wep('w2', 'interfaceName: cali2, ipNetworks: [10.0.0.2], profiles: [projectcalico-default-allow]'),
  );
  t.strictSame(shown.from('workload-ingress', 'cali1'), [...CONNTRACK, 'accept', 'drop']);
  t.strictSame(shown.from('workload-egress', 'cali1'), [
    ...CONNTRACK,
    'meta l4proto udp th dport 4789 drop',
    'meta l4proto 4 drop',
    'accept',
    'drop',
  ]);
  t.strictSame(
    verdictOf(shown.table, 'workload-egress', 'cali1'),
    verdictOf(shown.table, 'workload-egress', 'cali2'),
    'endpoints with one policy share its chain',
  );
  t.strictSame(shown.chain('input-from-workload'), [
    'iifname != "cali*" accept',
    MULTICAST,
    'iifname vmap @workload-egress',
    'drop',
  ]);
  t.strictSame(shown.chain('forward-from-workload'), ['iifname vmap @workload-egress', 'iifname "cali*" drop']);
  t.strictSame(shown.chain('forward-to-workload'), ['oifname vmap @workload-ingress', 'oifname "cali*" drop']);
  t.strictSame(shown.chain('workload-to-host'), [MULTICAST, 'drop'], 'open connections have left the chain before');
});

t.test('workload to host as the configuration says', async (t) => {
  const last = (action: string) =>
    tableOf(felix(`defaultEndpointToHostAction: ${action}`))
      .chain('workload-to-host')
      .slice(1);
  t.strictSame([last('Drop'), last('Accept'), last('Return')], [['drop'], ['accept'], []]);
});

t.test('tunnels of workloads', async (t) => {
  const workload = wep('w1', 'interfaceName: cali1, ipNetworks: [10.0.0.1]');
  const egress = (spec: string) =>
    tableOf(workload + felix(spec))
      .from('workload-egress', 'cali1')
      ?.slice(CONNTRACK.length, -1);
  t.strictSame(egress('allowVXLANPacketsFromWorkloads: true'), ['meta l4proto 4 drop']);
  t.strictSame(egress('allowIPIPPacketsFromWorkloads: true, vxlanPort: 8472'), ['meta l4proto udp th dport 8472 drop']);
});

t.test('anti-spoofing', async (t) => {
  const shown = tableOf(
    wep('w1', 'interfaceName: cali1, ipNetworks: [10.0.0.1, "fd00::1"]') +
      wep(
        'w2',
        'interfaceName: cali2, ipNetworks: [10.0.0.2], allowSpoofedSourcePrefixes: [10.9.0.0/16, "fd09::/64"]',
      ) +
      felix('workloadSourceSpoofing: Any'),
  );
  t.strictSame(shown.chain('raw-prerouting'), ['iifname "cali*" goto anti-spoof']);
  t.strictSame(shown.chain('anti-spoof'), [
    'iifname . ip saddr @workload-addresses-4 accept',
    'iifname . ip6 saddr @workload-addresses-6 accept',
    'ip saddr 0.0.0.0 ip daddr { 224.0.0.0/4, 255.255.255.255 } accept',
    'ip6 saddr { ::, fe80::/10 } accept',
    'iifname vmap @workload-source',
  ]);
  t.strictSame(shown.from('workload-source', 'cali1'), ['drop']);
  t.strictSame(shown.from('workload-source', 'cali2'), [
    'ip saddr 10.9.0.0/16 accept',
    'ip6 saddr fd09::/64 accept',
    'drop',
  ]);
  t.equal(shown.from('workload-source', 'cali3'), undefined, 'an interface without an endpoint is denied elsewhere');
  const elements = (name: string) => shown.table.sets.find((set) => set.name === name)?.elements;
  t.strictSame(elements('workload-addresses-4'), [
    ['cali1', '10.0.0.1'],
    ['cali2', '10.0.0.2'],
  ]);
  t.strictSame(elements('workload-addresses-6'), [['cali1', 'fd00::1']]);
});

t.test('rules say whose they are', async (t) => {
  const shown = tableOf(
    hep('h', 'interfaceName: eth0') +
      gnp(
        'g',
        'ingress: [{action: Allow, protocol: TCP}, {action: Allow, protocol: UDP, metadata: {annotations: {b: "2", a: "1"}}}]',
      ),
  );
  const verdict = verdictOf(shown.table, 'host-ingress', 'eth0');
  const comments = shown.comments(verdict && 'chain' in verdict ? verdict.chain : '');
  t.strictSame(comments.slice(-3), [
    'GlobalNetworkPolicy g ingress[0]',
    'GlobalNetworkPolicy g ingress[1] a=1 b=2',
    'end of tier default: deny',
  ]);
});

t.test('a long name leaves room for direction and index', async (t) => {
  const name = 'a'.repeat(200);
  const shown = tableOf(hep('h', 'interfaceName: eth0') + gnp(name, `ingress: ${ALLOW}`));
  const verdict = verdictOf(shown.table, 'host-ingress', 'eth0');
  const comment = shown.comments(verdict && 'chain' in verdict ? verdict.chain : '').at(-2) ?? '';
  t.match(comment, /^GlobalNetworkPolicy a+\.\.\. ingress\[0\]$/);
  t.ok(comment.length <= 128);
});

t.test('a policy that is missing from the host policy denies', async (t) => {
  const { hostPolicy } = calculate(hep('h', 'interfaceName: eth0') + gnp('g', `ingress: ${ALLOW}`));
  const shown = showTable(renderTable({ ...hostPolicy, policies: new Map() }));
  t.strictSame(policyPart(shown.from('host-ingress', 'eth0')), ['drop', 'drop']);
});

t.test('chains are named by their content', async (t) => {
  const name = (yaml: string) => {
    const verdict = verdictOf(tableOf(hep('h', 'interfaceName: eth0') + yaml).table, 'host-ingress', 'eth0');
    return verdict && 'chain' in verdict ? verdict.chain : undefined;
  };
  t.equal(name(gnp('g', `ingress: ${ALLOW}`)), name(gnp('g', `ingress: ${ALLOW}`)));
  t.not(name(gnp('g', `ingress: ${ALLOW}`)), name(gnp('g', `ingress: ${DENY}`)));
  const pool = chainPool();
  const accept = [{ statements: [{ kind: 'accept' }] }] as const;
  t.equal(pool.add('a', 'x', accept), pool.add('a', 'x', accept));
  t.not(pool.add('a', 'x', accept), pool.add('a', 'y', accept));
  t.not(pool.add('a', 'x', accept), pool.add('b', 'x', accept));
  t.equal(pool.chains.length, 3);
});

t.test('connection tracking alone', async (t) => {
  const shown = showTable(conntrackTable());
  t.strictSame(shown.stages, ['conntrack']);
  t.strictSame(shown.chain('conntrack'), ['ct state established accept']);
});

t.test('placeholders of the log prefix', async (t) => {
  const owner = { id: 'x', tier: 't1', name: 'n', ingress: [], egress: [] };
  const policy = { ...owner, kind: 'NetworkPolicy', namespace: 'ns' };
  t.equal(logPrefixOf('%t %k %n %p %x%', policy), 't1 np n ns/n %x%');
  t.equal(logPrefixOf('%k %p', { ...owner, kind: 'GlobalNetworkPolicy' }), 'gnp n');
  t.equal(logPrefixOf('%t-%k-%n-%p', { name: 'pro', ingress: [], egress: [] }), '-pro-pro-pro');
});

t.test('an endpoint that a service gains or loses is an element of a set, and no rule changes', async (t) => {
  const calculator = newCalculator();
  const add = (text: string, defaults?: 'none') => {
    for (const resource of fromYaml(text, defaults)) calculator.upsert(resource);
  };
  add(
    hep('h', 'interfaceName: eth0') +
      gnp(
        'p',
        `ingress: [{action: Allow, source: {services: {name: db, namespace: ns1}}}],
         egress: [{action: Allow, destination: {services: {name: db, namespace: ns1}}}]`,
      ),
  );
  const driver = fakeDriver();
  const kernel = kernelTable(driver, TABLE);
  const written = async () => {
    const before = driver.scripts.length;
    await kernel.sync(renderTable(calculator.calculate().hostPolicy));
    return driver.scripts
      .slice(before)
      .map(({ text }) => text)
      .join('')
      .replaceAll(/s-[0-9a-f]+/g, 's')
      .split('\n')
      .filter((line) => line !== '')
      .sort();
  };
  await written();
  const slice = (addresses: string) =>
    add(
      `{kind: EndpointSlice, metadata: {namespace: ns1, name: e}, spec: {service: db, addresses: [${addresses}], ports: [{port: 80}]}}`,
      'none',
    );
  slice('10.0.0.1');
  t.strictSame(await written(), [
    'add element inet margay s-4-32 { 10.0.0.1 }',
    'add element inet margay s-4-port { 10.0.0.1 . tcp . 80 }',
  ]);
  slice('10.0.0.1, "fd00::1"');
  t.strictSame(await written(), [
    'add element inet margay s-6-128 { fd00::1 }',
    'add element inet margay s-6-port { fd00::1 . tcp . 80 }',
  ]);
  slice('"fd00::1"');
  t.strictSame(await written(), [
    'delete element inet margay s-4-32 { 10.0.0.1 }',
    'delete element inet margay s-4-port { 10.0.0.1 . tcp . 80 }',
  ]);
});

t.test(
  'the ten-thousandth endpoint with the same policies is an element of each map and set, and no chain',
  async (t) => {
    const allow = profile('p1', `ingress: ${ALLOW}, egress: ${ALLOW}`);
    const endpoint = (n: number) =>
      wep(`w${n}`, `interfaceName: cali${n}, ipNetworks: [10.${n >> 8}.${n & 255}.1], profiles: [p1]`);
    const calculator = newCalculator();
    const add = (yaml: string) => {
      for (const resource of fromYaml(yaml)) calculator.upsert(resource);
    };
    add(allow + gnp('p', `egress: [{action: Allow, destination: {nets: [10.0.0.0/8]}}]`));
    for (let n = 1; n < 10_000; n++) add(endpoint(n));
    const driver = fakeDriver();
    const kernel = kernelTable(driver, TABLE);
    await kernel.sync(renderTable(calculator.calculate().hostPolicy));
    add(endpoint(10_000));
    await kernel.sync(renderTable(calculator.calculate().hostPolicy));
    t.equal(driver.scripts.length, 2);
    t.strictSame(
      driver.scripts[1]?.text
        .trimEnd()
        .replaceAll(/-[0-9a-f]{12}\b/g, '')
        .split('\n'),
      [
        'add element inet margay workload-addresses-4 { "cali10000" . 10.39.16.1 }',
        'add element inet margay workload-egress { "cali10000" : goto workload-egress }',
        'add element inet margay workload-ingress { "cali10000" : goto workload-ingress }',
        'add element inet margay workload-source { "cali10000" : goto anti-spoof-deny }',
      ],
    );
  },
);

t.test('what is the same in the table after a change is the same object', async (t) => {
  const calculator = newCalculator();
  const table = (yaml: string) => {
    for (const resource of fromYaml(yaml)) calculator.upsert(resource);
    return renderTable(calculator.calculate().hostPolicy);
  };
  const set = (nets: string) =>
    `{kind: GlobalNetworkSet, metadata: {name: s, labels: {a: b}}, spec: {nets: [${nets}]}}`;
  const policy = (port: number) =>
    gnp(
      'p',
      `ingress: [{action: Allow, protocol: TCP, source: {selector: a == 'b'}, destination: {ports: [${port}]}}]`,
    );
  const workload = wep('w', 'interfaceName: cali1, ipNetworks: [10.0.0.1]');
  const first = table(`${hep('h', 'interfaceName: eth0')}${workload}${policy(80)}---\n${set('192.0.2.1')}`);
  const members = table(set('192.0.2.1, 192.0.2.2'));
  t.equal(members.chains, first.chains);
  t.equal(members.maps, first.maps);
  t.not(members.sets, first.sets);
  const lengths = table(set('192.0.2.1, 198.51.100.0/24'));
  t.not(lengths.chains, first.chains, 'another prefix length is another rule');
  const port = table(policy(81));
  const isNew = (name: string) => !first.maps.some((map) => map.name === name && port.maps.includes(map));
  t.strictSame([isNew('workload-source'), isNew('host-ingress')], [false, true]);
  const base = port.chains.filter((chain) => chain.base !== undefined);
  t.ok(base.every((chain) => first.chains.includes(chain)));
});
