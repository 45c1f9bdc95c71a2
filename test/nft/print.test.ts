import fc from 'fast-check';
import t from 'tap';
import { describeTable } from '../../src/nft/content.js';
import { NftError } from '../../src/nft/driver.js';
import {
  accept,
  anyOf,
  concat,
  counter,
  ct,
  drop,
  goto,
  icmp,
  inSet,
  ip,
  ip6,
  jump,
  limit,
  log,
  masked,
  match,
  meta,
  notMatch,
  notrack,
  reject,
  setMark,
  th,
  vmap,
  vmapNamed,
} from '../../src/nft/expressions.js';
import type { Operand, Rule, Statement, Table, Value } from '../../src/nft/objects.js';
import { printTable, printTransaction } from '../../src/nft/print.js';
import { table } from './arbitraries.js';

function tableOf(...statements: Statement[]): Table {
  return withRules({ statements });
}

function withRules(...rules: Rule[]): Table {
  return { name: 'margay', chains: [{ name: 'c', rules }], sets: [], maps: [] };
}

function ruleText(...statements: Statement[]): string {
  return lineWith(printTable(tableOf(...statements)).text);
}

function lineWith(text: string): string {
  return text.split('\n')[4]?.trim() ?? '';
}

t.test('a whole table', async (t) => {
  const origin = { kind: 'GlobalNetworkPolicy', name: 'p1' };
  const script = printTable({
    name: 'margay',
    chains: [
      {
        name: 'policies',
        comment: 'of p1',
        rules: [{ statements: [match(ip.saddr, inSet('s')), accept], comment: 'p1 0', origin }],
      },
      {
        name: 'input',
        base: { type: 'filter', hook: 'input', priority: -5 },
        rules: [{ statements: [vmapNamed(meta.iifname, 'm')] }],
      },
    ],
    sets: [
      {
        name: 's',
        type: ['ipv4_addr'],
        interval: true,
        comment: 'app == "a"',
        elements: [{ address: '10.0.0.0', length: 8 }, '9.0.0.1'],
      },
    ],
    maps: [
      {
        name: 'm',
        type: ['ifname'],
        elements: [
          ['eth1', drop],
          ['eth0', goto('policies')],
        ],
      },
    ],
  });
  t.equal(
    script.text,
    `table inet margay
delete table inet margay
table inet margay {
	set s {
		type ipv4_addr
		flags interval
		comment "app == 'a'"
		elements = { 9.0.0.1, 10.0.0.0/8 }
	}

	map m {
		type ifname : verdict
		elements = { "eth0" : goto policies, "eth1" : drop }
	}

	chain input {
		type filter hook input priority -5; policy accept;
		iifname vmap @m
	}

	chain policies {
		comment "of p1"
		ip saddr @s accept comment "p1 0"
	}
}
`,
  );
  t.same(script.origins[script.text.split('\n').findIndex((line) => line.includes('p1 0'))], origin);
  t.equal(script.origins.length, script.text.split('\n').length - 1);
});

t.test('statements', async (t) => {
  const cases: [readonly Statement[], string][] = [
    [
      [match(meta.l4proto, 6), match(th.dport, anyOf([443, 80, { from: 100, to: 200 }])), accept],
      'meta l4proto tcp th dport { 80, 100-200, 443 } accept',
    ],
    [[match(meta.l4proto, anyOf([58, 1, 200]))], 'meta l4proto { icmp, icmpv6, 200 }'],
    [[notMatch(ip6.saddr, { address: 'fe80::', length: 10 })], 'ip6 saddr != fe80::/10'],
    [
      [match(ip.saddr, anyOf([{ address: '10.0.0.0', length: 8 }, { address: '11.0.0.0', length: 8 }, '10.1.1.1']))],
      'ip saddr 10.0.0.0/7',
    ],
    [[match(ip.saddr, anyOf(['10.0.0.1', '10.0.0.2']))], 'ip saddr { 10.0.0.1, 10.0.0.2 }'],
    [[match(th.dport, anyOf([80, 80]))], 'th dport 80'],
    [[match(ct.state, anyOf(['related', 'established']))], 'ct state established,related'],
    [[notMatch(ct.status, 'dnat')], 'ct status ! dnat'],
    [[match(concat(icmp.type, icmp.code), [8, 0])], 'icmp type . icmp code { 8 . 0 }'],
    [[notMatch(masked(meta.mark, 0x10000), 0)], 'meta mark & 0x00010000 != 0x00000000'],
    [[match(masked(ip.daddr, '255.255.255.0'), inSet('s'))], 'ip daddr & 255.255.255.0 == @s'],
    [[match(masked(ip.daddr, '255.255.255.0'), '10.0.0.0')], 'ip daddr 10.0.0.0/24'],
    [[match(meta.iifname, { startsWith: 'cali' })], 'iifname "cali*"'],
    [[match(meta.iifname, 'cali*')], 'iifname "cali\\*"'],
    [[match(meta.oifname, '1 "'.slice(0, 2))], 'oifname "1 "'],
    [[notMatch(meta.iif, 0)], 'iif != 0'],
    [
      [
        vmap(concat(meta.l4proto, th.dport), [
          [[17, 53], jump('c')],
          [[6, 80], accept],
        ]),
      ],
      'meta l4proto . th dport vmap { tcp . 80 : accept, udp . 53 : jump c }',
    ],
    [[limit(10, 'second', 5), log('x: ')], 'limit rate 10/second burst 5 packets log prefix "x: " level info'],
    [[setMark(0xfffeffff, 0x10000)], 'meta mark set meta mark & 0xfffeffff | 0x00010000'],
    [[counter, notrack], 'counter notrack'],
    [[reject], 'reject with icmpx type port-unreachable'],
  ];
  for (const [statements, expected] of cases) t.equal(ruleText(...statements), expected, expected);
});

t.test('text from outside', async (t) => {
  const of = (comment: string) => lineWith(printTable(withRules({ statements: [accept], comment })).text);
  t.equal(of('a "b"\nc\u0085d'), `accept comment "a 'b' c d"`);
  t.equal(of('é'.repeat(65)), `accept comment "${'é'.repeat(64)}"`, '128 bytes');
  t.equal(of(`x${'é'.repeat(65)}`), `accept comment "x${'é'.repeat(63)}"`, 'never half a character');
  t.equal(of('a\ud800b'), 'accept comment "a\ufffdb"');
  t.equal(of(''), 'accept');
  t.equal(ruleText(log('$x "')), `log prefix "_x '" level info`);
  t.equal(ruleText(log('é'.repeat(65))), `log prefix "${'é'.repeat(63)}" level info`, '127 bytes');
});

t.test('values that nft would refuse, or take for something else', async (t) => {
  const refused = (left: Parameters<typeof match>[0], right: Operand) =>
    t.throws(() => printTable(tableOf(match(left, right))), { code: 'invalid' }, JSON.stringify(right));
  for (const address of [
    '010.1.2.3',
    '1.2.3',
    '1',
    '::1',
    '10.0.0.1 accept',
    '',
    5,
    { address: '10.0.0.1', length: 8 },
  ]) {
    refused(ip.saddr, address as Value);
  }
  for (const address of ['fe80::1%eth0', '10.0.0.1', '::g', { address: 'fe80::', length: 129 }])
    refused(ip6.saddr, address);
  for (const port of [-1, 65536, 1.5, Number.NaN, '80', { from: 2, to: 1 }]) refused(th.dport, port);
  for (const name of ['', 'a"b', 'a\nb', '1234567890123456', '12345678901234*', 'a\\*']) refused(meta.iifname, name);
  refused(meta.iifname, { startsWith: '' });
  refused(meta.iifname, anyOf(['x*', 'y']));
  refused(meta.iif, 1);
  refused(meta.nfproto, 'ip');
  refused(ct.state, 'new accept');
  refused(concat(meta.iifname, ip.saddr), [{ startsWith: 'x' }, '10.0.0.1']);
  refused(concat(meta.l4proto, th.dport), [6]);
  refused(th.dport, anyOf([]));
  refused(masked(ip.saddr, '255.0.0.0'), '10.0.0.1');
  for (const name of ['', '1a', 'a b', 'accept', 'a;b', 'x'.repeat(65)]) refused(th.dport, inSet(name));
  t.throws(() => printTable(tableOf()), { code: 'invalid' });
  t.throws(() => printTable(tableOf(limit(0, 'day', 1))), { code: 'invalid' });
  t.throws(
    () =>
      printTable(
        tableOf(
          vmap(th.dport, [
            [80, accept],
            [{ from: 80, to: 80 }, drop],
          ]),
        ),
      ),
    { code: 'invalid' },
  );
});

t.test('an error says whose object it is', async (t) => {
  const origin = { kind: 'NetworkPolicy', namespace: 'n', name: 'p' };
  const bad = withRules({ statements: [match(th.dport, 70000)], origin });
  t.throws(() => printTable(bad), { code: 'invalid', origin });
  t.throws(() => describeTable(bad).chains.get('c')?.rules, { code: 'invalid', origin });
  const set: Table = {
    name: 'margay',
    chains: [],
    sets: [{ name: 's', type: ['mark'], elements: [-1], origin }],
    maps: [],
  };
  t.throws(() => printTable(set), { code: 'invalid', origin });
  t.throws(() => describeTable(set).sets.get('s')?.elements, { code: 'invalid', origin });
});

t.test('large sets are written in pieces', async (t) => {
  const elements = Array.from({ length: 10_001 }, (_, index) => index);
  const sets = [{ name: 's', type: ['mark'] as const, elements }];
  const { text } = printTable({ name: 'margay', chains: [], sets, maps: [] });
  t.same(
    text
      .split('\n')
      .filter((line) => line.includes('{ 0x'))
      .map((line) => line.split(',').length),
    [5000, 5000, 1],
  );
  const change = { table: 'margay', op: 'delete', object: 'element', name: 's', type: ['mark'], elements } as const;
  t.equal(printTransaction([change]).text.split('\n').length - 1, 3);
});

t.test('the order of objects and elements means nothing', async () => {
  fc.assert(
    fc.property(table, fc.integer(), (random, seed) => {
      const turned = <T>(values: Iterable<T>) => {
        const list = [...values];
        return seed % 2 === 0 ? list.reverse() : [...list.slice(1), ...list.slice(0, 1)];
      };
      const other: Table = {
        ...random,
        chains: turned(random.chains),
        sets: turned(random.sets.map((set) => ({ ...set, elements: turned(set.elements) }))),
        maps: turned(random.maps.map((map) => ({ ...map, elements: turned(map.elements) }))),
      };
      return printTable(other).text === printTable(random).text;
    }),
  );
});

t.test('errors are NftErrors', async (t) => {
  t.throws(
    () => printTransaction([{ table: 'margay', op: 'delete', object: 'chain', name: 'a; flush ruleset' }]),
    NftError,
  );
});
