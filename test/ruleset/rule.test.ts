import t from 'tap';
import type { EntityMatch, MemberSet, PolicyParameters, Rule } from '../../src/policy/host-policy.js';
import { chainPool } from '../../src/ruleset/chain-pool.js';
import { renderRule } from '../../src/ruleset/rule.js';
import { setNames } from '../../src/ruleset/sets.js';
import { verdictsOf } from '../../src/ruleset/verdicts.js';
import { calculate } from '../policy/from-yaml.js';
import { syntax } from './shown.js';

function set(id: string, kind: MemberSet['kind'], ...members: string[]): MemberSet {
  return { id, kind, description: id, version: 1, members: new Set(members) };
}

const SETS = [
  set('hosts', 'net', '10.0.0.1/32', 'fd00::1/128'),
  set('nets', 'net', '10.0.0.0/8', '10.1.0.0/16', '192.0.2.1/32', 'fd00::/8'),
  set('all', 'net', '0.0.0.0/0'),
  set('http', 'ip,port', '10.0.0.1,6:80', 'fd00::1,6:8080'),
  set('dns', 'ip,port', '10.0.0.2,17:53'),
];
const DEFAULTS = calculate('').hostPolicy.parameters;

function render(rule: Partial<Rule>, parameters: Partial<PolicyParameters> = {}) {
  const all = { ...DEFAULTS, ...parameters };
  const pool = chainPool();
  const sets = setNames(new Map(SETS.map((one) => [one.id, one])));
  const full: Rule = { action: 'Allow', source: {}, destination: {}, ...rule };
  const rules = renderRule(full, {
    pool,
    sets,
    parameters: all,
    verdicts: verdictsOf('normal', all),
    pass: () => [{ kind: 'return' }],
    logPrefix: 'calico-packet',
    comment: 'a rule',
    origin: { kind: 'GlobalNetworkPolicy', name: 'p' },
  });
  // Names of sets without the hash of their id.
  const readable = (text: string) => SETS.reduce((line, { id }) => line.replaceAll(nameOf(id), id), text);
  return { rules, lines: syntax(rules).map(readable), pool, sets };
}

function nameOf(id: string): string {
  const sets = setNames(new Map(SETS.map((one) => [one.id, one])));
  return sets.ports(id, 4).slice(0, -'-4-port'.length);
}

const source = (match: EntityMatch) => ({ source: match });
const destination = (match: EntityMatch) => ({ destination: match });
const ports = (...ranges: readonly (readonly [number, number])[]) => ({
  ranges: ranges.map(([from, to]) => ({ from, to })),
  sets: [],
});

const both = (v4: string, v6: string) => [`meta nfproto ipv4 ${v4} accept`, `meta nfproto ipv6 ${v6} accept`];

const cases: Readonly<Record<string, readonly [Partial<Rule>, readonly string[]]>> = {
  'nothing: everything, both families in one rule': [{}, ['accept']],
  ipVersion: [{ ipVersion: 6 }, ['meta nfproto ipv6 accept']],
  protocol: [{ protocol: 6 }, ['meta l4proto tcp accept']],
  'protocol by number': [{ protocol: 253 }, ['meta l4proto 253 accept']],
  notProtocol: [{ notProtocol: 6 }, ['meta l4proto != tcp accept']],
  'protocol and notProtocol': [{ protocol: 17, notProtocol: 6 }, ['meta l4proto udp meta l4proto != tcp accept']],
  'ports of either side': [
    { protocol: 6, source: { ports: ports([1000, 2000]) }, destination: { ports: ports([80, 80], [8000, 8100]) } },
    ['meta l4proto tcp th sport 1000-2000 th dport { 80, 8000-8100 } accept'],
  ],
  notPorts: [
    { protocol: 17, ...destination({ notPorts: ports([53, 53], [60, 70]) }) },
    ['meta l4proto udp th dport != { 53, 60-70 } accept'],
  ],
  'ports and notPorts': [
    { protocol: 17, ...source({ ports: ports([1, 100]), notPorts: ports([53, 53]) }) },
    ['meta l4proto udp th sport 1-100 th sport != 53 accept'],
  ],
  'nets: only their family': [
    source({ nets: ['10.0.0.0/8', '192.0.2.1/32'] }),
    ['meta nfproto ipv4 ip saddr { 10.0.0.0/8, 192.0.2.1 } accept'],
  ],
  'nets of IPv6': [destination({ nets: ['fd00::/8'] }), ['meta nfproto ipv6 ip6 daddr fd00::/8 accept']],
  'nets of both families': [
    source({ nets: ['10.0.0.0/8', 'fd00::/8'] }),
    both('ip saddr 10.0.0.0/8', 'ip6 saddr fd00::/8'),
  ],
  'nets of one family here, of the other there': [
    { source: { nets: ['10.0.0.0/8'] }, destination: { nets: ['fd00::/8'] } },
    [],
  ],
  'nets with everything of a family': [source({ nets: ['0.0.0.0/0', '10.0.0.0/8'] }), ['meta nfproto ipv4 accept']],
  notNets: [
    source({ notNets: ['10.0.0.0/8', '192.0.2.1/32'] }),
    ['meta nfproto ipv4 ip saddr != { 10.0.0.0/8, 192.0.2.1 } accept'],
  ],
  'notNets with everything of a family: never': [source({ notNets: ['0.0.0.0/0'] }), []],
  'nets and notNets': [
    source({ nets: ['10.0.0.0/8'], notNets: ['10.9.0.0/16'] }),
    ['meta nfproto ipv4 ip saddr 10.0.0.0/8 ip saddr != 10.9.0.0/16 accept'],
  ],
  'a net that ipVersion leaves out': [{ ipVersion: 6, ...source({ nets: ['10.0.0.0/8'] }) }, []],
  'a set of addresses': [source({ set: 'hosts' }), both('ip saddr @hosts-4-32', 'ip6 saddr @hosts-6-128')],
  'a set of nets: one look-up for each length, longest first': [
    destination({ set: 'nets' }),
    [
      'meta nfproto ipv4 ip daddr @nets-4-32 accept',
      'meta nfproto ipv4 ip daddr & 255.255.0.0 == @nets-4-16 accept',
      'meta nfproto ipv4 ip daddr & 255.0.0.0 == @nets-4-8 accept',
      'meta nfproto ipv6 ip6 daddr @nets-6-128 accept',
      'meta nfproto ipv6 ip6 daddr & ff00:: == @nets-6-8 accept',
    ],
  ],
  'a set with everything': [
    { ipVersion: 4, ...source({ set: 'all' }) },
    ['meta nfproto ipv4 ip saddr @all-4-32 accept', 'meta nfproto ipv4 ip saddr & 0.0.0.0 == @all-4-0 accept'],
  ],
  'not in a set: in none of its lengths': [
    { ipVersion: 4, ...source({ notSet: 'nets' }) },
    [
      'meta nfproto ipv4 ip saddr != @nets-4-32 ip saddr & 255.255.0.0 != @nets-4-16 ip saddr & 255.0.0.0 != @nets-4-8 accept',
    ],
  ],
  'sets on both sides': [
    { ipVersion: 4, source: { set: 'hosts' }, destination: { set: 'all' } },
    [
      'meta nfproto ipv4 ip saddr @hosts-4-32 ip daddr @all-4-32 accept',
      'meta nfproto ipv4 ip saddr @hosts-4-32 ip daddr & 0.0.0.0 == @all-4-0 accept',
    ],
  ],
  'named ports': [
    { protocol: 6, ...destination({ ports: { ranges: [], sets: ['http'] } }) },
    [
      'meta nfproto ipv4 meta l4proto tcp ip daddr . meta l4proto . th dport @http-4-port accept',
      'meta nfproto ipv6 meta l4proto tcp ip6 daddr . meta l4proto . th dport @http-6-port accept',
    ],
  ],
  'named and numeric ports: either': [
    { ipVersion: 4, protocol: 6, ...source({ ports: { ranges: [{ from: 1, to: 9 }], sets: ['http', 'dns'] } }) },
    [
      'meta nfproto ipv4 meta l4proto tcp th sport 1-9 accept',
      'meta nfproto ipv4 meta l4proto tcp ip saddr . meta l4proto . th sport @http-4-port accept',
      'meta nfproto ipv4 meta l4proto tcp ip saddr . meta l4proto . th sport @dns-4-port accept',
    ],
  ],
  'not named and not numeric ports: neither': [
    {
      ipVersion: 4,
      protocol: 6,
      ...destination({ notPorts: { ranges: [{ from: 1, to: 9 }], sets: ['http', 'dns'] } }),
    },
    [
      'meta nfproto ipv4 meta l4proto tcp th dport != 1-9 ip daddr . meta l4proto . th dport != @http-4-port ip daddr . meta l4proto . th dport != @dns-4-port accept',
    ],
  ],
  'a service as destination: address, protocol and port': [
    { ipVersion: 4, ...destination({ service: 'http' }) },
    ['meta nfproto ipv4 ip daddr . meta l4proto . th dport @http-4-port accept'],
  ],
  'a service as source: the address': [
    { ipVersion: 4, ...source({ service: 'hosts' }) },
    ['meta nfproto ipv4 ip saddr @hosts-4-32 accept'],
  ],
  'an ICMP type': [
    { protocol: 1, ipVersion: 4, icmp: { type: 8 } },
    ['meta nfproto ipv4 meta l4proto icmp icmp type 8 accept'],
  ],
  'an ICMP type and code: together': [
    { protocol: 58, ipVersion: 6, icmp: { type: 1, code: 4 } },
    ['meta nfproto ipv6 meta l4proto icmpv6 icmpv6 type . icmpv6 code { 1 . 4 } accept'],
  ],
  'not an ICMP type': [
    { protocol: 1, ipVersion: 4, notICMP: { type: 8 } },
    ['meta nfproto ipv4 meta l4proto icmp icmp type != 8 accept'],
  ],
  'not an ICMP type and code: not both at once': [
    { protocol: 1, ipVersion: 4, notICMP: { type: 3, code: 1 } },
    ['meta nfproto ipv4 meta l4proto icmp icmp type . icmp code != { 3 . 1 } accept'],
  ],
  'notICMP without a protocol: ICMP of the family only': [
    { notICMP: { type: 8 } },
    both('meta l4proto icmp icmp type != 8', 'meta l4proto icmpv6 icmpv6 type != 8'),
  ],
  'an ICMP type of another family: never, and nothing that nft refuses': [
    { protocol: 1, ipVersion: 6, icmp: { type: 8 } },
    [],
  ],
  'ICMP by number without family': [
    { protocol: 1, icmp: { type: 8 } },
    ['meta nfproto ipv4 meta l4proto icmp icmp type 8 accept'],
  ],
  'notICMP of another protocol: never, and nothing that nft refuses': [{ protocol: 6, notICMP: { type: 8 } }, []],
  'what has no ports has none of a service': [{ protocol: 1, ...destination({ service: 'http' }) }, []],
  'what has no ports has no named ones': [
    { ipVersion: 4, icmp: { type: 8 }, ...source({ ports: { ranges: [], sets: ['http'] } }) },
    [],
  ],
  'what has no ports has not the named ones': [
    { ipVersion: 4, notICMP: { type: 8 }, ...source({ notPorts: { ranges: [], sets: ['http'] } }) },
    ['meta nfproto ipv4 meta l4proto icmp icmp type != 8 accept'],
  ],
  Deny: [{ action: 'Deny' }, ['drop']],
  'Pass: what it is told': [{ action: 'Pass', protocol: 6 }, ['meta l4proto tcp return']],
  Log: [{ action: 'Log', protocol: 6 }, ['meta l4proto tcp log prefix "calico-packet: " level info']],
};

for (const [name, [rule, expected]] of Object.entries(cases)) {
  t.test(name, async (t) => t.strictSame(render(rule).lines, expected));
}

t.test('deny as the configuration says', async (t) => {
  t.strictSame(render({ action: 'Deny' }, { filterDenyAction: 'REJECT' }).lines, [
    'reject with icmpx type port-unreachable',
  ]);
});

t.test('Log with a rate limit: after the match', async (t) => {
  const logged = (burst: number) =>
    render(
      { action: 'Log', protocol: 6 },
      { logActionRateLimit: { rate: 10, per: 'minute' }, logActionRateLimitBurst: burst },
    ).lines;
  t.strictSame(logged(7), [
    'meta l4proto tcp limit rate 10/minute burst 7 packets log prefix "calico-packet: " level info',
  ]);
  t.match(logged(0), [/burst 1 packets/], 'nft refuses a burst of 0');
});

t.test('Log with alternatives writes one line for a packet', async (t) => {
  const { lines, pool } = render({ action: 'Log', ipVersion: 4, ...source({ set: 'nets' }) });
  const [write, detour] = pool.chains;
  t.equal(pool.chains.length, 2);
  t.strictSame(lines, [`jump ${detour?.name}`]);
  t.strictSame(syntax(write?.rules ?? []), ['log prefix "calico-packet: " level info']);
  t.equal(detour?.rules.length, 3);
  for (const line of syntax(detour?.rules ?? [])) t.ok(line.endsWith(` goto ${write?.name}`), line);
});

t.test('each rule has the origin and the comment', async (t) => {
  for (const { comment, origin } of render(source({ set: 'nets' })).rules) {
    t.equal(comment, 'a rule');
    t.strictSame(origin, { kind: 'GlobalNetworkPolicy', name: 'p' });
  }
});

t.test('sets that are asked for, with their elements by family and length', async (t) => {
  const { sets } = render(source({ set: 'nets', ports: { ranges: [], sets: ['http'] } }));
  const shown = sets.used.map(({ name, type, elements, interval }) => [
    name.replace(/^s-[0-9a-f]{16}-/, ''),
    type.join(' . '),
    elements,
    interval,
  ]);
  t.strictSame(
    new Map(shown.map(([name, ...rest]) => [name, rest])),
    new Map([
      ['4-32', ['ipv4_addr', ['192.0.2.1'], undefined]],
      ['4-16', ['ipv4_addr', ['10.1.0.0'], undefined]],
      ['4-8', ['ipv4_addr', ['10.0.0.0'], undefined]],
      ['6-128', ['ipv6_addr', [], undefined]],
      ['6-8', ['ipv6_addr', ['fd00::'], undefined]],
      ['4-port', ['ipv4_addr . inet_proto . inet_service', [['10.0.0.1', 6, 80]], undefined]],
      ['6-port', ['ipv6_addr . inet_proto . inet_service', [['fd00::1', 6, 8080]], undefined]],
    ]),
  );
});

t.test('a set that changes is rendered again, one that does not is not', async (t) => {
  const members = new Set(['10.0.0.1/32']);
  const changing = { ...set('changing', 'net'), members, version: 1 };
  const rendered = () => {
    const sets = setNames(new Map([['changing', changing]]));
    sets.lookups('changing', 4, { kind: 'payload', protocol: 'ip', field: 'saddr' });
    return sets.used[0];
  };
  const first = rendered();
  t.equal(rendered(), first, 'the same object');
  members.add('10.0.0.2/32');
  changing.version = 2;
  t.strictSame(rendered()?.elements, ['10.0.0.1', '10.0.0.2']);
});

t.test('a set that is not there has no members', async (t) => {
  const sets = setNames(new Map());
  t.strictSame(sets.lookups('gone', 4, { kind: 'payload', protocol: 'ip', field: 'saddr' }).length, 1);
  t.strictSame(
    sets.used.map(({ elements }) => elements),
    [[]],
  );
});

t.test('netmasks', async (t) => {
  const lengths: Readonly<Record<string, string>> = {
    '10.0.0.0/7': 'ip saddr & 254.0.0.0',
    '10.0.0.0/31': 'ip saddr & 255.255.255.254',
    'fd00::/9': 'ip6 saddr & ff80::',
    'fd00::/64': 'ip6 saddr & ffff:ffff:ffff:ffff::',
    'fd00::/112': 'ip6 saddr & ffff:ffff:ffff:ffff:ffff:ffff:ffff:0',
    'fd00::/127': 'ip6 saddr & ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe',
    '::/0': 'ip6 saddr & ::',
  };
  for (const [net, expected] of Object.entries(lengths)) {
    const sets = setNames(new Map([['one', set('one', 'net', net)]]));
    const family = net.includes(':') ? 6 : 4;
    const lookups = sets.lookups('one', family, {
      kind: 'payload',
      protocol: family === 4 ? 'ip' : 'ip6',
      field: 'saddr',
    });
    const lines = syntax(
      lookups.map(([left, name]) => ({ statements: [{ kind: 'match', left, op: '==', right: { set: name } }] })),
    );
    t.ok(
      lines.some((line) => line.startsWith(`${expected} == @`)),
      `${net}: ${lines}`,
    );
  }
});
