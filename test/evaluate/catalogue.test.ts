import t from 'tap';
import type { Packet } from '../../src/evaluate/packet.js';
import {
  ALLOW_ALL,
  allow,
  deny,
  type Fields,
  felix,
  gnp,
  hep,
  hostPolicy,
  object,
  packet,
  slice,
  wep,
  wildcard,
  workloadPolicy,
  world,
} from './world.js';

type Expected = 'yes' | 'no';
type Case = readonly [text: string, expected: Expected | 'reject', more?: Partial<Packet>];

/** Id of the row (where one is), what is given, and packets with whether they pass. */
type Row = readonly [id: string, given: readonly Fields[], ...cases: Case[]];

const words = { allow: 'yes', deny: 'no', reject: 'reject' } as const;

function table(name: string, rows: readonly Row[]): void {
  t.test(name, async (t) => {
    for (const [id, given, ...cases] of rows) {
      const ask = world(...given);
      for (const [text, expected, more] of cases) {
        const answer = ask(packet(text, more));
        const what = `${id}: ${text}${more ? ` ${JSON.stringify(more)}` : ''}`;
        t.equal(words[answer.verdict], expected, what, { answer });
      }
    }
  });
}

const both = { types: ['Ingress', 'Egress'] };
const toService = [{ action: 'Allow', destination: { services: { name: 's', namespace: 'default' } } }];
const fromService = [{ action: 'Allow', source: { services: { name: 's', namespace: 'default' } } }];
const HTTP_ON_W2 = { addresses: ['10.65.0.2', 'fd65::2'], ports: [{ protocol: 'TCP', port: 80 }] };
const tcp = (...ports: unknown[]) => ({ protocol: 'TCP', destination: { ports } });
const allowTcp = (...ports: unknown[]) => [{ action: 'Allow', ...tcp(...ports) }];
const established = { state: 'established' } as const;
const invalid = { state: 'invalid' } as const;
const untracked = { applyOnForward: true, doNotTrack: true };
const early = { applyOnForward: true, preDNAT: true };
const forward = { applyOnForward: true };
const action = (defaultEndpointToHostAction: string) => felix({ defaultEndpointToHostAction });

const loOut: Partial<Packet> = { path: 'out', inInterface: undefined };
const loIn: Partial<Packet> = { path: 'in', outInterface: undefined };

table('host endpoints, normal policy', [
  [
    'C-001',
    [],
    ['ext > host tcp/9091', 'yes'],
    ['host > ext tcp/9091', 'yes'],
    ['ext > host tcp/9091', 'yes', invalid],
  ],
  ['C-002', [wep(1)], ['ext > host tcp/9091', 'yes']],
  [
    'C-003..009',
    [hep()],
    ['ext > host tcp/8055', 'no'],
    ['host > ext tcp/8055', 'no'],
    ['ext > host tcp/22', 'yes'],
    ['host > ext tcp/22', 'no'],
    ['host > ext tcp/2379', 'yes'],
    ['ext > host tcp/2379', 'yes'],
    ['host > ext udp/53', 'yes'],
    ['host > ext tcp/53', 'no'],
    ['ext > host 253', 'no'],
    ['ext > host tcp/22', 'yes', { family: 6 }],
    ['ext > host tcp/23', 'no', { family: 6 }],
  ],
  [
    'C-010',
    [
      hep(),
      hostPolicy('p', { ingress: [{ action: 'Allow', protocol: 253 }], egress: [{ action: 'Allow', protocol: 253 }] }),
    ],
    ['ext > host 253', 'yes'],
    ['host > ext 253', 'yes'],
    ['ext > host 254', 'no'],
    ['host > ext 254', 'no'],
  ],
  ['C-011', [hep()], ['ext1 > host tcp/80', 'yes'], ['host > ext1 tcp/80', 'yes']],
  ['C-012', [wildcard()], ['ext > host tcp/80', 'no'], ['ext1 > host tcp/80', 'no'], ['ext1 > host tcp/22', 'yes']],
  ['C-013', [hep(ALLOW_ALL)], ['ext > host tcp/80', 'yes'], ['host > ext 253', 'yes']],
  [
    'C-014',
    [hep(ALLOW_ALL), hostPolicy('p', { types: ['Egress'], egress: deny })],
    ['host > ext tcp/80', 'no'],
    ['ext > host tcp/80', 'yes'],
  ],
  [
    'C-015',
    [hep(ALLOW_ALL), wep(1), hostPolicy('p', { types: ['Ingress'], ingress: deny })],
    ['ext > host tcp/80', 'no'],
    ['ext > w1 tcp/80', 'yes'],
  ],
  [
    'C-018',
    [
      hep(),
      wildcard(),
      gnp('d', { selector: "host == 'h'", ingress: deny }),
      gnp('a', { selector: "host == 'star'", ingress: allow }),
    ],
    ['ext > host tcp/80', 'no'],
    ['ext1 > host tcp/80', 'yes'],
  ],
  [
    'C-019',
    [
      hep({}, 'b'),
      hep({}, 'a'),
      gnp('a', { selector: "host == 'a'", ingress: allow }),
      gnp('d', { selector: "host == 'b'", ingress: deny }),
    ],
    ['ext > host tcp/80', 'yes'],
  ],
  [
    'C-020',
    [hep({ interfaceName: undefined, expectedIPs: ['10.0.0.1'] })],
    ['ext > host tcp/80', 'no'],
    ['ext1 > host tcp/80', 'yes'],
  ],
  ['C-022', [hep({ expectedIPs: ['10.1.0.1'] })], ['ext1 > host tcp/80', 'yes'], ['ext > host tcp/80', 'no']],
  ['C-023', [hep({ interfaceName: 'eth7' })], ['ext > host tcp/80', 'yes'], ['ext1 > host tcp/80', 'yes']],
  ['C-024', [hep({ interfaceName: 'cali1' }), wep(1)], ['host > w1 tcp/80', 'yes'], ['ext > w1 tcp/80', 'yes']],
  ['C-025', [hep()], ['lo > lo tcp/80', 'yes', loOut], ['lo > lo tcp/80', 'yes', loIn]],
  ['C-026', [wildcard()], ['lo > lo tcp/8055', 'no', loOut]],
  [
    'C-027',
    [wildcard(), hostPolicy('p', { types: ['Egress'], egress: allow })],
    ['lo > lo tcp/8055', 'yes', loOut],
    ['lo > lo tcp/8055', 'no', loIn],
  ],
  [
    'C-028',
    [hep(), hostPolicy('p', { ...both, ingress: deny, egress: deny })],
    ['ext > host tcp/8055', 'yes', established],
    ['host > ext tcp/8055', 'yes', established],
    ['ext > host tcp/8055', 'no'],
  ],
  ['C-029', [hep()], ['ext > host icmp/3.1', 'yes', { state: 'related' }]],
  [
    'C-030',
    [hep(), hostPolicy('p', { ...both, ingress: allow, egress: allow })],
    ['ext > host tcp/80', 'no', invalid],
    ['host > ext tcp/80', 'no', invalid],
  ],
  [
    'C-031',
    [felix({ disableConntrackInvalidCheck: true }), hep(), hostPolicy('p', { ingress: allow })],
    ['ext > host tcp/80', 'yes', invalid],
  ],
  [
    'C-033',
    [felix({ nftablesFilterDenyAction: 'Reject' }), hep()],
    ['ext > host tcp/8055', 'reject'],
    ['host > ext tcp/1', 'reject'],
  ],
  [
    'D-14',
    [hep()],
    ['ext > host icmpv6/135', 'yes', { hopLimit: 255, state: 'untracked' }],
    ['host > ext icmpv6/136', 'yes', { hopLimit: 255, state: 'untracked' }],
    ['ext > host icmpv6/134', 'yes', { hopLimit: 255, state: 'untracked' }],
    ['ext > host icmpv6/135', 'no', { hopLimit: 64, state: 'untracked' }],
    ['ext > host icmpv6/137', 'no', { hopLimit: 255, state: 'untracked' }],
    ['ext > host icmpv6/128', 'no', { hopLimit: 255 }],
  ],
  [
    'D-2',
    [
      hep(),
      hostPolicy('u', { ...untracked, types: ['Ingress'], ingress: allow }),
      hostPolicy('p', { types: ['Egress'], egress: allow }),
    ],
    ['ext > host tcp/8055', 'yes'],
    ['host > ext tcp/50000', 'no', invalid],
    ['host > ext tcp/50000', 'yes'],
  ],
  [
    'H17',
    [felix({ ipv6Support: false }), hep()],
    ['ext > host tcp/80', 'yes', { family: 6 }],
    ['ext > host tcp/80', 'no'],
  ],
]);

const service = (destination: string, outInterface: string): Partial<Packet> => ({
  path: 'out',
  inInterface: undefined,
  destination,
  outInterface,
  beforeDNAT: { destination: '10.96.0.9', outInterface: 'eth0' },
});

table('host and workloads, service addresses', [
  ['C-036', [wildcard(), wep(1)], ['host > w1 tcp/80', 'yes'], ['host > w1 tcp/80', 'yes', invalid]],
  [
    'C-037',
    [wep(1), workloadPolicy(1, 'p', { types: ['Ingress'] })],
    ['host > w1 tcp/80', 'yes'],
    ['ext > w1 tcp/80', 'no'],
  ],
  [
    'C-038',
    [hep(), wildcard(), wep(1), hostPolicy('p', { ...forward, ...both, ingress: deny, egress: deny })],
    ['host > w1 tcp/80', 'yes'],
  ],
  ['C-039', [wildcard(), wep(1)], ['host > w1 tcp/80', 'yes', service('10.65.0.1', 'cali1')]],
  ['C-040', [wildcard()], ['host > r tcp/80', 'no']],
  ['C-041', [wildcard()], ['host > r tcp/80', 'no', service('10.66.0.2', 'eth0')]],
  [
    'C-042',
    [wildcard(), hostPolicy('p', { egress: allowTcp(8055) })],
    ['host > r tcp/8055', 'yes', service('10.66.0.2', 'eth0')],
    ['host > r tcp/8055', 'no', { ...service('10.66.0.2', 'eth0'), destinationPort: 1 }],
  ],
  [
    'C-043',
    [hep(), hostPolicy('p', { egress: [{ action: 'Allow', destination: { nets: ['10.96.0.0/16'] } }] })],
    ['host > ext tcp/8055', 'no', service('10.0.0.9', 'eth0')],
    ['host > ext tcp/8055', 'yes', { destination: '10.96.0.9' }],
  ],
  [
    'final interface',
    [hep({ interfaceName: 'eth1' })],
    ['host > ext1 tcp/80', 'no', service('10.1.0.9', 'eth1')],
    ['host > ext tcp/80', 'yes', service('10.0.0.9', 'eth0')],
  ],
  [
    'D-10',
    [felix({ nftablesFilterDenyAction: 'Reject' }), hep()],
    ['host > ext tcp/80', 'no', service('10.0.0.9', 'eth0')],
    ['host > ext tcp/80', 'reject'],
  ],
  [
    'C-044',
    [],
    ['host > unknown tcp/80', 'yes'],
    ['unknown > host tcp/80', 'no', established],
    ['unknown > host icmpv6/135', 'yes'],
    ['unknown > host icmpv6/136', 'yes'],
    ['unknown > host icmpv6/134', 'no'],
  ],
  ['C-045', [action('Accept'), wep(1)], ['w1 > host tcp/8055', 'yes']],
  ['C-046', [action('Return'), wep(1)], ['w1 > host tcp/8055', 'yes']],
  [
    'C-047, C-054, C-055',
    [wep(1)],
    ['w1 > host tcp/8055', 'no'],
    ['w1 > host tcp/8055', 'yes', established],
    ['w1 > host tcp/22', 'no'],
  ],
  [
    'C-047 reject',
    [felix({ nftablesFilterDenyAction: 'Reject' }), wep(1, { profiles: [] }), wep(2)],
    ['w2 > host tcp/1', 'no'],
    ['w1 > host tcp/1', 'reject'],
  ],
  ['C-048', [action('Accept'), wep(1), wildcard(), hostPolicy('p', { ingress: deny })], ['w1 > host tcp/80', 'yes']],
  ['C-049', [wep(1), wildcard(), hostPolicy('p', { ingress: allow })], ['w1 > host tcp/80', 'no']],
  ['C-050', [action('Accept'), wep(1), hep(), hostPolicy('p', { ingress: deny })], ['w1 > host tcp/80', 'yes']],
  [
    'C-051',
    [action('Accept'), wep(1), wildcard(), hostPolicy('p', { ...early, ingress: deny })],
    ['w1 > host tcp/80', 'no'],
  ],
  ['C-052', [wep(1), wildcard(), hostPolicy('p', { ...early, ingress: allow })], ['w1 > host tcp/80', 'no']],
  ['C-053', [action('Accept'), wep(1), workloadPolicy(1, 'p', { egress: deny })], ['w1 > host tcp/80', 'no']],
  ['C-182', [felix({ nftablesFilterAllowAction: 'Return' }), wep(1)], ['w1 > host tcp/80', 'no', established]],
  [
    'C-056, C-057',
    [wep(1), workloadPolicy(1, 'p', { egress: deny })],
    ...[130, 131, 132, 133, 135, 136].map((type): Case => [`w1 > host icmpv6/${type}`, 'yes', { state: 'untracked' }]),
    ...[128, 134, 143].map((type): Case => [`w1 > host icmpv6/${type}`, 'no', { state: 'untracked' }]),
    ['w1 > ext icmpv6/135', 'no', { state: 'untracked' }],
  ],
  ['C-058', [action('Accept'), wep(1), workloadPolicy(1, 'p', { egress: allowTcp(1) })], ['w1 > host udp/53', 'no']],
]);

const nodePort = (port: number): Partial<Packet> => ({
  beforeDNAT: { destination: '10.0.0.1', destinationPort: port },
  destinationPort: 8055,
});

table('forwarding', [
  ['C-059', [], ['ext > ext1 tcp/80', 'yes'], ['ext > ext1 tcp/80', 'yes', invalid]],
  [
    'C-060',
    [hep(), wep(1), hostPolicy('p', { ...both, ingress: deny, egress: deny })],
    ['w1 > r tcp/80', 'yes'],
    ['r > w1 tcp/80', 'yes'],
  ],
  [
    'C-060 *',
    [wildcard(), wep(1), hostPolicy('p', { ...both, ingress: deny, egress: deny })],
    ['w1 > r tcp/80', 'yes'],
    ['r > w1 tcp/80', 'yes'],
  ],
  [
    'C-061',
    [wildcard(), wep(1), hostPolicy('p', { ...forward, ingress: deny, egress: allow })],
    ['r > w1 tcp/80', 'no'],
  ],
  [
    'C-062, C-063',
    [
      wildcard(),
      wep(1),
      hostPolicy('p', {
        ...forward,
        ...both,
        ingress: [{ action: 'Allow', source: { selector: "workload == 'w1'" } }],
        egress: allow,
      }),
    ],
    ['w1 > r tcp/80', 'yes'],
    ['r > w1 tcp/80', 'no'],
    ['ext > host tcp/80', 'no'],
  ],
  [
    'C-064, C-066, C-068',
    [hep(), wep(1), hostPolicy('p', { ...forward, ingress: deny })],
    ['ext > w1 tcp/80', 'no'],
    ['ext > w1 tcp/22', 'no'],
    ['w1 > ext tcp/80', 'yes'],
    ['ext > w1 tcp/80', 'yes', established],
  ],
  [
    'C-065',
    [hep(), wep(1), hostPolicy('p', { ...forward, types: ['Egress'], egress: allowTcp(1) })],
    ['w1 > ext tcp/80', 'no'],
    ['w1 > ext tcp/1', 'yes'],
  ],
  ['C-067', [hep(ALLOW_ALL), wep(1), hostPolicy('p', { ...forward, ingress: allowTcp(1) })], ['ext > w1 tcp/80', 'no']],
  [
    'C-069',
    [hep(), wep(1, { profiles: [] }), hostPolicy('p', { ...forward, ingress: allow })],
    ['ext > w1 tcp/80', 'no'],
  ],
  [
    'C-070',
    [hep(), wep(1), hostPolicy('p', { ...forward, types: ['Egress'], egress: deny })],
    ['w1 > ext tcp/80', 'no'],
  ],
  [
    'C-071',
    [wep(1), wep(2), workloadPolicy(2, 'p', { ingress: deny })],
    ['w1 > w2 tcp/80', 'no'],
    ['w2 > w1 tcp/80', 'yes'],
  ],
  [
    'C-072',
    [wep(1), wep(2), workloadPolicy(1, 'p', { egress: deny })],
    ['w1 > w2 tcp/80', 'no'],
    ['w2 > w1 tcp/80', 'yes'],
  ],
  [
    'C-073',
    [
      hep(),
      object('Tier', 'first', { order: 1, defaultAction: 'Pass' }),
      hostPolicy('first.p', { ...forward, tier: 'first', ingress: allowTcp(1) }),
    ],
    ['ext > ext1 tcp/80', 'yes'],
  ],
  ['C-181', [hep()], ['ext > ext1 tcp/80', 'no', invalid], ['ext > ext1 tcp/80', 'yes']],
  ['C-181 *', [wildcard(), felix({ disableConntrackInvalidCheck: true })], ['ext > ext1 tcp/80', 'yes', invalid]],
  [
    'C-074',
    [wep(1)],
    ['unknown > ext tcp/80', 'no'],
    ['ext > unknown tcp/80', 'no'],
    ['unknown > ext tcp/80', 'no', established],
    ['w1 > unknown tcp/80', 'no'],
  ],
]);

const bare: readonly Fields[] = [felix({ failsafeInboundHostPorts: [], failsafeOutboundHostPorts: [] }), hep()];

table('failsafe ports, policy before DNAT and without tracking', [
  [
    'C-076, C-077, C-078',
    [
      felix({
        failsafeInboundHostPorts: [{ protocol: 'tcp', port: 22, net: '10.0.0.0/8' }],
        failsafeOutboundHostPorts: [{ protocol: 'udp', port: 53, net: '10.0.0.53/32' }],
      }),
      hep(),
    ],
    ['ext > host tcp/22', 'yes'],
    ['ext > host tcp/22', 'no', { source: '192.0.2.1' }],
    ['ext > host tcp/22', 'no', { family: 6 }],
    ['host > ext udp/53', 'yes', { destination: '10.0.0.53' }],
    ['host > ext udp/53', 'no'],
  ],
  ['C-079', bare, ['ext > host tcp/22', 'no']],
  ['C-080', [hep(), hostPolicy('p', { ingress: [{ action: 'Deny', ...tcp(22) }] })], ['ext > host tcp/22', 'yes']],
  [
    'C-081, C-183',
    [hep(), wep(1), hostPolicy('p', { ...early, ingress: deny })],
    ['ext > host tcp/22', 'yes'],
    ['ext > w1 tcp/22', 'yes'],
    ['ext > w1 tcp/8055', 'no'],
    ['ext > w1 tcp/8055', 'yes', established],
  ],
  [
    'C-082',
    [hep(), wep(1), wep(2), hostPolicy('p', { ...early, ingress: deny })],
    ['ext > w1 tcp/8055', 'no', nodePort(32010)],
    ['w2 > w1 tcp/8055', 'yes', nodePort(32010)],
  ],
  [
    'C-083',
    [
      hep(),
      wep(1),
      hostPolicy('a', { ...early, order: 1, ingress: allowTcp(32010) }),
      hostPolicy('d', { ...early, order: 2, ingress: deny }),
    ],
    ['ext > w1 tcp/8055', 'yes', nodePort(32010)],
    ['ext > w1 tcp/8055', 'no', nodePort(32011)],
  ],
  [
    'C-084',
    [
      hep(),
      wep(1),
      hostPolicy('a', { ...early, order: 1, ingress: allowTcp(8055) }),
      hostPolicy('d', { ...early, order: 2, ingress: deny }),
    ],
    ['ext > w1 tcp/8055', 'no', nodePort(32010)],
  ],
  [
    'C-085',
    [wildcard(), wep(1), wep(2), hostPolicy('p', { ...early, ingress: deny })],
    ['ext > w1 tcp/8055', 'no', nodePort(32010)],
    ['w2 > w1 tcp/8055', 'no', nodePort(32010)],
  ],
  [
    'C-086',
    [
      wildcard(),
      wep(1),
      wep(2),
      hostPolicy('p', { ...early, ingress: allowTcp(32010) }),
      workloadPolicy(2, 'e', { egress: deny }),
    ],
    ['ext > w1 tcp/8055', 'yes', nodePort(32010)],
    ['w2 > w1 tcp/8055', 'no', nodePort(32010)],
  ],
  [
    'C-087',
    [hep(), hostPolicy('p', { ...early, ingress: allowTcp(9091) })],
    ['ext > host tcp/9091', 'yes'],
    ['ext > host tcp/9092', 'no'],
  ],
  ['C-088', [hep(), hostPolicy('p', { ...early, ingress: allowTcp(1234) })], ['ext > host tcp/9091', 'no']],
  [
    'C-089',
    [hep(), wep(1), hostPolicy('p', { ...early, ingress: allow }), hostPolicy('f', { ...forward, ingress: deny })],
    ['ext > w1 tcp/80', 'yes'],
  ],
  [
    'C-090',
    [hep(), wep(1, { profiles: [] }), hostPolicy('p', { ...early, ingress: allow })],
    ['ext > w1 tcp/80', 'no'],
  ],
  [
    'C-091',
    [hep(), hostPolicy('p', { ...early, ingress: deny })],
    ['ext > host tcp/80', 'yes', established],
    ['ext > host tcp/80', 'no', invalid],
  ],
  [
    'C-092',
    [hep(ALLOW_ALL), wildcard(), gnp('p', { ...early, selector: "host == 'star'", ingress: deny })],
    ['ext > host tcp/80', 'no'],
    ['ext > host tcp/22', 'yes'],
  ],
  [
    'C-093',
    [
      hep(),
      hostPolicy('p', {
        ...untracked,
        ingress: allowTcp(8055),
        egress: [{ action: 'Allow', protocol: 'TCP', source: { ports: [8055] } }],
      }),
    ],
    ['ext > host tcp/8055', 'yes'],
    ['host > ext tcp/50000', 'yes', { sourcePort: 8055 }],
  ],
  [
    'C-094, C-095',
    [hep(), hostPolicy('p', { ...untracked, types: ['Ingress'], ingress: allowTcp(8055) })],
    ['host > ext tcp/8055', 'no'],
    ['host > ext tcp/50000', 'no', { sourcePort: 8055, state: 'invalid' }],
    ['host > ext tcp/2379', 'yes'],
    ['ext > host tcp/50000', 'yes', { sourcePort: 2379, state: 'established' }],
  ],
  [
    'C-096',
    [hep(ALLOW_ALL), hostPolicy('p', { ...untracked, types: ['Ingress'], ingress: deny })],
    ['ext > host tcp/8055', 'no'],
    ['ext > host tcp/22', 'yes'],
    ['ext > host tcp/50000', 'yes', { sourcePort: 2379 }],
  ],
  [
    'C-097',
    [
      hep(ALLOW_ALL),
      hostPolicy('p', { ...untracked, types: ['Ingress'], ingress: [{ action: 'Deny', protocol: 'UDP' }] }),
    ],
    ['ext > host udp/5000', 'no', established],
  ],
  [
    'C-098, untracked skips pre-DNAT too',
    [
      hep(),
      hostPolicy('u', { ...untracked, types: ['Ingress'], ingress: allow }),
      hostPolicy('d', { ...early, ingress: deny }),
      hostPolicy('n', { ...forward, ingress: deny }),
    ],
    ['ext > host tcp/80', 'yes'],
    ['ext > ext1 tcp/80', 'yes'],
  ],
  [
    'untracked does not skip workloads and forward egress, where nothing is established',
    [
      hep(),
      hep({ interfaceName: 'eth1' }, 'h1'),
      wep(1, { profiles: [] }),
      gnp('u', { ...untracked, selector: "host == 'h'", types: ['Ingress'], ingress: allow }),
      gnp('f', { ...forward, selector: "host == 'h1'", types: ['Egress'], egress: allowTcp(1) }),
    ],
    ['ext > w1 tcp/80', 'no', established],
    ['ext > ext1 tcp/80', 'no', established],
    ['ext > ext1 tcp/1', 'yes'],
  ],
  [
    'C-099',
    [
      hep(),
      hostPolicy('u', { ...untracked, types: ['Ingress'], ingress: allowTcp(1) }),
      hostPolicy('n', { ingress: allowTcp(2) }),
    ],
    ['ext > host tcp/1', 'yes'],
    ['ext > host tcp/2', 'yes'],
    ['ext > host tcp/3', 'no'],
  ],
  [
    'C-100',
    [wildcard(ALLOW_ALL), hostPolicy('p', { ...untracked, ingress: deny, egress: deny })],
    ['ext > host tcp/80', 'yes'],
  ],
  [
    'C-101',
    [hep(), hostPolicy('p', { ...untracked, types: ['Ingress'], ingress: allowTcp(1) })],
    ['ext > host tcp/8055', 'no', { sourcePort: 2379 }],
  ],
  [
    'C-102',
    [hep(), wep(1), hostPolicy('p', { ...untracked, types: ['Egress'], egress: deny })],
    ['w1 > ext tcp/80', 'yes'],
    ['host > ext tcp/80', 'no'],
  ],
]);

const w1Source = (source: string): Partial<Packet> => ({ source });

table('workloads', [
  ['C-103', [wep(1), wep(2)], ['w1 > w2 tcp/80', 'yes'], ['w2 > w1 tcp/80', 'yes'], ['w2 > w1 tcp/80', 'no', invalid]],
  [
    'C-104',
    [
      wep(0),
      wep(1),
      wep(2),
      workloadPolicy(0, 'p', { ingress: [{ action: 'Allow', source: { selector: "workload == 'w1'" } }] }),
    ],
    ['w2 > w0 tcp/80', 'no'],
    ['w1 > w0 tcp/80', 'yes'],
    ['w0 > w2 tcp/80', 'yes'],
  ],
  ['C-105', [wep(1), wep(2), workloadPolicy(1, 'p', { ...both, ingress: allow })], ['w1 > w2 tcp/80', 'no']],
  [
    'C-106',
    [
      wep(0),
      wep(1),
      wep(2),
      workloadPolicy(0, 'p', { egress: [{ action: 'Allow', destination: { selector: "workload == 'w1'" } }] }),
    ],
    ['w0 > w1 tcp/80', 'yes'],
    ['w0 > w2 tcp/80', 'no'],
    ['w2 > w0 tcp/80', 'yes'],
  ],
  [
    'C-107',
    [wep(1), wep(2), workloadPolicy(1, 'p', { types: ['Ingress'], ingress: allow, egress: deny })],
    ['w1 > w2 tcp/80', 'yes'],
  ],
  ['C-108', [wep(1), wep(2), workloadPolicy(1, 'p', { types: ['Ingress'], ingress: [] })], ['w2 > w1 tcp/80', 'no']],
  ['C-109', [wep(1, { profiles: [] }), wep(2)], ['w1 > w2 tcp/80', 'no'], ['w2 > w1 tcp/80', 'no']],
  [
    'C-110',
    [wep(1, { profiles: ['gone', 'projectcalico-default-allow'] }), wep(2)],
    ['w1 > w2 tcp/80', 'no'],
    ['w2 > w1 tcp/80', 'no'],
    ['w2 > w1 tcp/80', 'yes', established],
  ],
  [
    'C-112, C-113, C-115',
    [wep(1), wep(2)],
    ['w1 > ext tcp/80', 'no', w1Source('10.65.0.2')],
    ['w1 > ext tcp/80', 'no', { ...w1Source('10.65.0.2'), ...established }],
    ['w1 > ext 253', 'yes'],
    ['w1 > ext tcp/80', 'yes', { family: 6 }],
    ['w1 > ext tcp/80', 'no', { family: 6, source: 'fd65::2' }],
  ],
  [
    'C-114',
    [felix({ workloadSourceSpoofing: 'Any' }), wep(1, { allowSpoofedSourcePrefixes: ['10.9.0.0/16'] })],
    ['w1 > ext tcp/80', 'yes', w1Source('10.9.1.1')],
    ['w1 > ext tcp/80', 'no', w1Source('10.8.1.1')],
  ],
  [
    'C-184',
    [wep(1, { ipNetworks: ['10.65.0.1/32'] })],
    ['w1 > ext tcp/80', 'no', { family: 6 }],
    ['w1 > ext tcp/80', 'yes'],
  ],
  [
    'C-116',
    [wep(1), action('Accept')],
    ['w1 > host icmpv6/135', 'yes', { source: '::', destination: 'ff02::1:ff00:1' }],
    ['w1 > host udp/1', 'yes', { family: 6, source: 'fe80::1', destination: 'ff02::1' }],
  ],
  [
    'C-117',
    [wep(1), action('Accept')],
    ['w1 > host udp/67', 'yes', { source: '0.0.0.0', destination: '255.255.255.255' }],
    ['w1 > host udp/67', 'yes', { source: '0.0.0.0', destination: '224.0.0.1' }],
    ['w1 > host udp/67', 'no', { source: '0.0.0.0', destination: '10.0.0.1' }],
  ],
  [
    'C-118, C-120, C-121',
    [wep(1), wep(2), workloadPolicy(1, 'p', { ...both, ingress: allow, egress: allow })],
    ['w1 > ext udp/4789', 'no'],
    ['w1 > ext tcp/4789', 'yes'],
    ['w1 > ext 4', 'no'],
    ['ext > w1 udp/4789', 'yes'],
    ['ext > w1 4', 'yes'],
    ['w1 > ext udp/4789', 'yes', established],
  ],
  [
    'C-119',
    [felix({ allowVXLANPacketsFromWorkloads: true, allowIPIPPacketsFromWorkloads: true }), wep(1)],
    ['w1 > ext udp/4789', 'yes'],
    ['w1 > ext 4', 'yes'],
  ],
  ['VXLAN port', [felix({ vxlanPort: 4790 }), wep(1)], ['w1 > ext udp/4789', 'yes'], ['w1 > ext udp/4790', 'no']],
  [
    'C-125',
    [
      wep(1, { pod: 'b', ipNetworks: ['10.65.0.1/32'] }),
      { ...wep(1, { pod: 'a', ipNetworks: ['10.65.0.1/32'], profiles: [] }) },
    ],
    ['w1 > ext tcp/80', 'no'],
  ],
]);

const tier = (name: string, order: number, more: Fields = {}) => object('Tier', name, { order, ...more });
const inTier = (name: string, policy: string, spec: Fields) =>
  workloadPolicy(1, `${name}.${policy}`, { tier: name, ...spec });
const staged = (name: string, spec: Fields) =>
  object('StagedGlobalNetworkPolicy', name, { selector: "workload == 'w1'", ...spec });

table('tiers, profiles, staged policies, log', [
  [
    'C-130',
    [
      wep(1),
      tier('t1', 1),
      tier('t2', 2),
      inTier('t1', 'p', { egress: [{ action: 'Pass' }] }),
      staged('t2.s', { tier: 't2', egress: deny }),
    ],
    ['w1 > ext tcp/80', 'yes'],
  ],
  [
    'C-131, C-132',
    [
      wep(1),
      tier('t1', 1),
      inTier('t1', 'p', {
        egress: [
          { action: 'Deny', destination: { nets: ['10.0.0.9/32'] } },
          { action: 'Pass', ...tcp(1) },
        ],
      }),
    ],
    ['w1 > ext tcp/1', 'no'],
    ['w1 > r tcp/1', 'yes'],
    ['w1 > r tcp/2', 'no'],
  ],
  [
    'C-133',
    [wep(1), tier('t1', 1, { defaultAction: 'Pass' }), inTier('t1', 'p', { egress: allowTcp(1) })],
    ['w1 > ext tcp/80', 'yes'],
  ],
  [
    'C-134',
    [wep(1), tier('t1', 1), tier('t2', 2), inTier('t1', 'p', { ingress: allow }), inTier('t2', 'p', { ingress: deny })],
    ['ext > w1 tcp/80', 'yes'],
  ],
  [
    'C-135',
    [wep(1), staged('s', { order: 1, ingress: deny }), workloadPolicy(1, 'p', { order: 2, ingress: allow })],
    ['ext > w1 tcp/80', 'yes'],
  ],
  ['C-136', [wep(1), tier('t1', 1), staged('t1.s', { tier: 't1', ingress: deny })], ['ext > w1 tcp/80', 'yes']],
  ['C-137', [wep(1), workloadPolicy(1, 'p', { ingress: [{ action: 'Pass' }] })], ['ext > w1 tcp/80', 'yes']],
  [
    'C-138, D-18',
    [
      wep(1, { profiles: ['p1', 'p2'] }),
      object('Profile', 'p1', {
        ingress: [
          { action: 'Pass', ...tcp(80) },
          { action: 'Deny', ...tcp(81) },
        ],
      }),
      object('Profile', 'p2', { ingress: allow }),
    ],
    ['ext > w1 tcp/80', 'yes'],
    ['ext > w1 tcp/81', 'no'],
    ['ext > w1 tcp/82', 'yes'],
    ['w1 > ext tcp/80', 'no'],
  ],
  [
    'D-18',
    [
      wep(1, { profiles: ['p1'] }),
      object('Profile', 'p1', { ingress: [{ action: 'Pass', ...tcp(1) }, { action: 'Allow' }] }),
      workloadPolicy(1, 'p', { ingress: [{ action: 'Pass' }] }),
    ],
    ['ext > w1 tcp/2', 'yes'],
    ['ext > w1 tcp/1', 'no'],
  ],
  [
    'C-139',
    [wep(1), tier('t1', 1), inTier('t1', 'p', { types: ['Ingress'], ingress: deny })],
    ['w1 > ext tcp/80', 'yes'],
  ],
  [
    'C-140a',
    [wep(1), workloadPolicy(1, 'p', { ingress: [{ action: 'Log' }, { action: 'Deny' }] })],
    ['ext > w1 tcp/80', 'no'],
  ],
  [
    'C-140b',
    [wep(1), workloadPolicy(1, 'p', { ingress: [{ action: 'Log' }] }), workloadPolicy(1, 'q', { ingress: allow })],
    ['ext > w1 tcp/80', 'yes'],
  ],
  [
    'C-140c',
    [wep(1), workloadPolicy(1, 'p', { ingress: [{ action: 'Log' }, { action: 'Allow' }] })],
    ['ext > w1 tcp/80', 'yes'],
  ],
  [
    'C-142',
    [hep(ALLOW_ALL), tier('t1', 1), hostPolicy('t1.p', { tier: 't1', ingress: [{ action: 'Pass' }] })],
    ['ext > host tcp/80', 'yes'],
  ],
]);

/** w1 lets in what the rule says. */
const rule = (fields: Fields) => [wep(1), workloadPolicy(1, 'p', { ingress: [{ action: 'Allow', ...fields }] })];
const from = (entity: Fields) => rule({ source: entity });
const shared = (protocol = 'TCP', more: Fields = {}) => [
  wep(1, { ports: [{ name: 'shared', protocol, port: 1100 }], ...more }),
];
const icmp = (type: number, code?: number) => ({ type, ...(code === undefined ? {} : { code }) });
const nets = (prefix: string, ...thirds: number[]) => thirds.map((third) => `${prefix}.${third}.0/24`);
const at = (source: string): Partial<Packet> => ({ source });
const sixteen = Array.from({ length: 16 }, (_, index) => 5000 + index);

table('rules', [
  [
    'C-143',
    rule(tcp(80, 443, '1000:2000', ...sixteen)),
    ['ext > w1 tcp/1500', 'yes'],
    ['ext > w1 tcp/1000', 'yes'],
    ['ext > w1 tcp/2000', 'yes'],
    ['ext > w1 tcp/2001', 'no'],
    ['ext > w1 tcp/5015', 'yes'],
    ['ext > w1 udp/80', 'no'],
  ],
  [
    'C-144',
    [...shared(), workloadPolicy(1, 'p', { ingress: allowTcp('shared', 3000) })],
    ['ext > w1 tcp/1100', 'yes'],
    ['ext > w1 tcp/3000', 'yes'],
    ['ext > w1 tcp/4000', 'no'],
  ],
  [
    'C-145',
    [
      ...shared(),
      workloadPolicy(1, 'p', {
        ingress: [{ action: 'Allow', protocol: 'TCP', destination: { notPorts: ['shared', 3000] } }],
      }),
    ],
    ['ext > w1 tcp/1100', 'no'],
    ['ext > w1 tcp/3000', 'no'],
    ['ext > w1 tcp/4000', 'yes'],
  ],
  [
    'C-146',
    [
      ...shared(),
      workloadPolicy(1, 'p', {
        ingress: [
          { action: 'Allow', protocol: 'TCP', destination: { ports: ['shared'], selector: "workload != 'w1'" } },
        ],
      }),
    ],
    ['ext > w1 tcp/1100', 'no'],
  ],
  ['C-147', [...shared('UDP'), workloadPolicy(1, 'p', { ingress: allowTcp('shared') })], ['ext > w1 tcp/1100', 'no']],
  [
    'named port without protocol',
    [...shared('UDP'), workloadPolicy(1, 'p', { ingress: [{ action: 'Allow', destination: { ports: ['shared'] } }] })],
    ['ext > w1 udp/1100', 'yes'],
    ['ext > w1 tcp/1100', 'no'],
    ['ext > w1 icmp/8', 'no'],
  ],
  [
    'excluded named port without protocol',
    [
      ...shared('UDP'),
      workloadPolicy(1, 'p', { ingress: [{ action: 'Allow', destination: { notPorts: ['shared', 'nobody'] } }] }),
    ],
    ['ext > w1 udp/1100', 'no'],
    ['ext > w1 tcp/1100', 'yes'],
    ['ext > w1 icmp/8', 'yes'],
  ],
  [
    'C-148',
    from({ nets: nets('10.0', 1, 2, 3) }),
    ['ext > w1 tcp/1', 'yes', at('10.0.3.7')],
    ['ext > w1 tcp/1', 'no', at('10.0.4.7')],
  ],
  [
    'C-149',
    from({ nets: nets('10.0', 1, 2, 3), notNets: nets('10.0', 3) }),
    ['ext > w1 tcp/1', 'no', at('10.0.3.7')],
    ['ext > w1 tcp/1', 'yes', at('10.0.1.7')],
  ],
  [
    'C-150',
    from({ notNets: nets('10.0', 3, 4) }),
    ['ext > w1 tcp/1', 'yes', at('10.0.1.7')],
    ['ext > w1 tcp/1', 'no', at('10.0.3.7')],
  ],
  ['C-151', from({ nets: ['10.0.0.1/32'] }), ['ext > w1 tcp/1', 'no', { family: 6 }]],
  [
    'C-152',
    from({ notNets: ['10.0.0.0/8'] }),
    ['ext > w1 tcp/1', 'no', { family: 6 }],
    ['ext > w1 tcp/1', 'yes', at('192.0.2.9')],
  ],
  ['C-153', from({ notNets: ['0.0.0.0/00'] }), ['ext > w1 tcp/1', 'no'], ['ext > w1 tcp/1', 'no', { family: 6 }]],
  ['v6 nets', from({ nets: ['fd00::/64'] }), ['ext > w1 tcp/1', 'yes', { family: 6 }], ['ext > w1 tcp/1', 'no']],
  ['ipVersion', rule({ ipVersion: 6 }), ['ext > w1 tcp/1', 'yes', { family: 6 }], ['ext > w1 tcp/1', 'no']],
  [
    'C-154',
    [
      ...from({ selector: 'all-of-it == "yes"' }),
      object('GlobalNetworkSet', 's', { nets: ['0.0.0.0/0'] }, { labels: { 'all-of-it': 'yes' } }),
    ],
    ['ext > w1 tcp/1', 'yes'],
    ['ext > w1 tcp/1', 'no', { family: 6 }],
  ],
  [
    'C-155',
    [
      ...from({ selector: 'has(net)' }),
      object('GlobalNetworkSet', 'a', { nets: ['10.0.0.0/8', '10.2.0.0/16'] }, { labels: { net: '' } }),
      object('GlobalNetworkSet', 'b', { nets: ['10.0.0.0/8', 'fd00::/16'] }, { labels: { net: '' } }),
    ],
    ['ext > w1 tcp/1', 'yes'],
    ['ext > w1 tcp/1', 'yes', at('10.2.0.1')],
    ['ext > w1 tcp/1', 'yes', { family: 6 }],
    ['ext > w1 tcp/1', 'no', at('11.0.0.1')],
  ],
  ['C-156', [...from({ notSelector: 'has(workload)' }), wep(2)], ['ext > w1 tcp/1', 'yes'], ['w2 > w1 tcp/1', 'no']],
  [
    'C-157',
    [...from({ selector: 'all()', notSelector: "workload == 'w1'" }), wep(2)],
    ['ext > w1 tcp/1', 'no'],
    ['w2 > w1 tcp/1', 'yes'],
  ],
  ['C-158', from({ selector: 'has(nobody)' }), ['ext > w1 tcp/1', 'no']],
  [
    'C-159',
    rule({ protocol: 'ICMP', icmp: icmp(8) }),
    ['ext > w1 icmp/8', 'yes'],
    ['ext > w1 icmp/0', 'no'],
    ['ext > w1 tcp/8', 'no'],
  ],
  [
    'C-160',
    rule({ protocol: 'ICMP', icmp: icmp(8, 0) }),
    ['ext > w1 icmp/8.0', 'yes'],
    ['ext > w1 icmp/8.1', 'no'],
    ['ext > w1 icmp/13.0', 'no'],
  ],
  [
    'C-161',
    rule({ protocol: 'ICMP', notICMP: icmp(8, 0) }),
    ['ext > w1 icmp/8.1', 'yes'],
    ['ext > w1 icmp/8.0', 'no'],
    ['ext > w1 icmp/13.0', 'yes'],
  ],
  [
    'notICMP alone',
    rule({ notICMP: icmp(8) }),
    ['ext > w1 icmp/13', 'yes'],
    ['ext > w1 icmp/8', 'no'],
    ['ext > w1 icmpv6/128', 'yes'],
    ['ext > w1 tcp/1', 'no'],
  ],
  [
    'C-162',
    rule({ protocol: 'ICMP' }),
    ['ext > w1 icmpv6/128', 'no'],
    ['ext > w1 icmp/8', 'yes'],
    ['ext > w1 1', 'no', { family: 6 }],
  ],
  [
    'D-4',
    rule({ protocol: 1, icmp: icmp(8) }),
    ['ext > w1 icmp/8', 'yes'],
    ['ext > w1 1', 'no', { family: 6, icmpType: 8, icmpCode: 0 }],
    ['ext > w1 icmpv6/8', 'no'],
  ],
  ['C-163', rule({ notProtocol: 'TCP' }), ['ext > w1 udp/1', 'yes'], ['ext > w1 tcp/1', 'no']],
  ['C-164', rule({ protocol: 253 }), ['ext > w1 253', 'yes'], ['ext > w1 254', 'no']],
  [
    'C-165',
    [wep(1), wep(2), workloadPolicy(1, 'p', { types: ['Egress'], egress: toService }), slice(HTTP_ON_W2)],
    ['w1 > w2 tcp/80', 'yes'],
    ['w1 > w2 tcp/80', 'yes', { family: 6 }],
    ['w1 > w2 tcp/81', 'no'],
    ['w1 > w2 udp/80', 'no'],
    ['w1 > ext tcp/80', 'no'],
  ],
  [
    'C-166',
    [wep(1), wep(2), workloadPolicy(1, 'p', { types: ['Ingress'], ingress: fromService }), slice(HTTP_ON_W2)],
    ['w2 > w1 tcp/80', 'yes'],
    ['w2 > w1 udp/9', 'yes'],
    ['w2 > w1 tcp/80', 'yes', { family: 6 }],
    ['ext > w1 tcp/80', 'no'],
  ],
  [
    'C-165, C-166: without slices no endpoint matches',
    [wep(1), wep(2), workloadPolicy(1, 'p', { ...both, ingress: fromService, egress: toService })],
    ['w1 > w2 tcp/80', 'no'],
    ['w2 > w1 tcp/80', 'no'],
  ],
  [
    'C-167',
    rule({ protocol: 'TCP', http: { methods: ['GET'], paths: [{ exact: '/x' }] } }),
    ['ext > w1 tcp/80', 'yes'],
    ['ext > w1 udp/80', 'no'],
  ],
  [
    'source ports',
    rule({ protocol: 'TCP', source: { ports: ['1:100'], notPorts: [50] } }),
    ['ext > w1 tcp/1', 'yes', { sourcePort: 49 }],
    ['ext > w1 tcp/1', 'no', { sourcePort: 50 }],
  ],
  [
    'sctp',
    rule({ protocol: 'SCTP', destination: { ports: [9] } }),
    ['ext > w1 sctp/9', 'yes'],
    ['ext > w1 sctp/8', 'no'],
  ],
]);
