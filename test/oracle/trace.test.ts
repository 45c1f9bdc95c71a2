import t from 'tap';
import {
  accept,
  anyOf,
  concat,
  ct,
  dnat,
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
  ret,
  setMark,
  snat,
  th,
  vmap,
  vmapNamed,
} from '../../src/nft/expressions.js';
import type { BaseChain, Chain, NamedSet, Rule, Statement, Table } from '../../src/nft/objects.js';
import { addressNumber, addressText } from './address.js';
import type { Packet } from './packet.js';
import { random } from './random.js';
import { tracer } from './trace.js';

const SYN: Packet = {
  path: 'in',
  iif: 'eth0',
  family: 4,
  source: '10.0.0.5',
  destination: '10.0.0.1',
  protocol: 6,
  sport: 40_000,
  dport: 80,
  hopLimit: 64,
  state: 'new',
  mark: 0,
};
const SYN_6: Packet = { ...SYN, family: 6, source: 'fd00::5', destination: 'fd00::1' };
const PING: Packet = { ...SYN, protocol: 1, icmp: { type: 8, code: 0 }, sport: 0x800, dport: 80 };

function base(hook: BaseChain['hook'], priority: number): BaseChain {
  return { type: 'filter', hook, priority };
}

function rules(...lists: readonly (readonly Statement[])[]): Rule[] {
  return lists.map((statements) => ({ statements }));
}

function chain(name: string, ...lists: readonly (readonly Statement[])[]): Chain {
  return { name, rules: rules(...lists) };
}

function table(chains: readonly Chain[], more: Partial<Table> = {}): Table {
  return { name: 'test', chains, sets: [], maps: [], ...more };
}

function input(...lists: readonly (readonly Statement[])[]): Chain {
  return { ...chain('input', ...lists), base: base('input', 0) };
}

function verdict(chains: readonly Chain[], packet: Packet = SYN, more: Partial<Table> = {}): string {
  return tracer(table(chains, more)).trace(packet).verdict;
}

/** Whether the statement matches the packet. */
function matches(statement: Statement, packet: Packet, more: Partial<Table> = {}): boolean {
  return verdict([input([statement, drop])], packet, more) === 'drop';
}

t.test('verdicts', async (t) => {
  t.equal(verdict([]), 'accept', 'nothing to decide');
  t.equal(verdict([input([accept], [drop])]), 'accept');
  t.equal(verdict([input([ret], [drop])]), 'accept', 'return from a base chain is its policy');
  t.equal(verdict([input([reject])]), 'reject');
  const later = { ...chain('later', [drop]), base: base('input', 5) };
  t.equal(verdict([input([accept]), later]), 'drop', 'accept ends only the base chain');
  const sooner = { ...chain('sooner', [drop]), base: base('input', -5) };
  t.equal(verdict([input([accept]), sooner]), 'drop', 'by priority, not by position');
  t.equal(verdict([input([jump('a')], [drop]), chain('a', [ret])]), 'drop', 'back to the caller');
  t.equal(verdict([input([jump('a')], [drop]), chain('a', [accept])]), 'accept', 'accept in a chain that was called');
  t.equal(verdict([input([goto('a')], [drop]), chain('a', [ret])]), 'accept', 'goto does not come back');
  const nested = [input([jump('a')], [drop]), chain('a', [goto('b')], [accept]), chain('b', [ret])];
  t.equal(verdict(nested), 'drop', 'from behind a goto to the caller of the first chain');
  t.equal(verdict([input([match(th.dport, 81), drop])]), 'accept');
});

t.test('matches', async (t) => {
  t.ok(matches(match(ip.saddr, anyOf([{ address: '10.0.0.0', length: 24 }])), SYN));
  t.notOk(matches(notMatch(ip.saddr, '10.0.0.6'), SYN_6), 'no form of ip saddr matches IPv6');
  t.notOk(matches(notMatch(ip6.saddr, 'fd00::6'), SYN), 'nor of ip6 saddr IPv4');
  t.ok(matches(notMatch(ip6.saddr, 'fd00::6'), SYN_6));
  t.notOk(matches(notMatch(icmp.type, 8), SYN), 'no form of icmp type matches TCP');
  t.ok(matches(match(concat(icmp.type, icmp.code), anyOf([[8, 0]])), PING));
  t.ok(matches(match(th.dport, 80), PING), 'th without a protocol looks at the bytes of any');
  t.notOk(matches(notMatch(th.dport, 81), { ...SYN, dport: undefined }), 'there may be none');
  t.ok(matches(match(th.dport, anyOf([{ from: 79, to: 80 }])), SYN));
  t.notOk(matches(match(th.dport, anyOf([{ from: 81, to: 90 }])), SYN));
  t.ok(matches(match(meta.iifname, { startsWith: 'eth' }), SYN));
  t.ok(matches(match(meta.nfproto, 'ipv6'), SYN_6));
  t.ok(matches(notMatch(masked(meta.mark, 4), 0), { ...SYN, mark: 5 }));
  t.ok(matches(match(ct.state, anyOf(['established', 'new'])), SYN));
  t.notOk(matches(notMatch(ct.state, anyOf(['established', 'new'])), SYN));
  for (const state of ['invalid', 'untracked'] as const) {
    t.notOk(matches(match(ct.status, 'dnat'), { ...SYN, state }), `ct status breaks: ${state}`);
    t.notOk(matches(notMatch(ct.status, 'dnat'), { ...SYN, state }), `in both forms: ${state}`);
  }
  t.ok(matches(notMatch(ct.status, 'dnat'), SYN));
  const set: NamedSet = { name: 's', type: ['ipv4_addr'], elements: ['10.0.0.0'] };
  t.ok(matches(match(masked(ip.saddr, '255.255.0.0'), inSet('s')), SYN, { sets: [set] }));
  const map = { name: 'm', type: ['ifname'] as const, elements: [['eth0', drop]] as const };
  t.equal(verdict([input([vmapNamed(meta.iifname, 'm')])], SYN, { maps: [map] }), 'drop');
  t.equal(verdict([input([vmap(ct.state, [['established', drop]])], [reject])]), 'reject', 'goes on without an entry');
});

t.test('the way through the host', async (t) => {
  const raw = { ...chain('raw', [notrack, setMark(0xff, 0x100)]), base: base('prerouting', -295) };
  const untracked = input([match(ct.state, 'untracked'), match(masked(meta.mark, 0x100), 0x100), drop]);
  t.equal(verdict([raw, untracked]), 'drop', 'notrack and marks last');

  const others = { destination: '10.65.0.2', dport: 8080, path: 'forward', oif: 'cali0' } as const;
  const translated: Packet = { ...SYN, path: 'forward', oif: 'eth1', destination: '10.96.0.1', dnat: others };
  const before = { ...chain('before', [match(ip.daddr, '10.65.0.2'), drop]), base: base('prerouting', -145) };
  const after = {
    ...chain('after', [match(ip.daddr, '10.65.0.2'), match(th.dport, 8080), match(meta.oifname, 'cali0'), drop]),
    base: base('forward', 0),
  };
  t.equal(verdict([before], translated), 'accept', 'DNAT comes after -145');
  t.equal(verdict([after], translated), 'drop', 'and before forward');
  t.equal(verdict([raw, after], translated), 'accept', 'what is not tracked is not translated');

  const output = { ...chain('output', [match(meta.oifname, 'eth1'), drop]), base: base('output', -5) };
  t.equal(verdict([output], { ...translated, path: 'out', iif: undefined, dnat: { ...others, path: 'out' } }), 'drop');
  const forwarded = { ...chain('post', [notMatch(meta.iif, 0), drop]), base: base('postrouting', 0) };
  t.equal(verdict([forwarded], { ...SYN, path: 'forward', oif: 'eth1' }), 'drop');
  t.equal(verdict([forwarded], { ...SYN, path: 'out', iif: undefined, oif: 'eth1' }), 'accept');
  const way = '10.0.0.5 > 10.0.0.1';
  t.same(tracer(table([])).trace({ ...SYN, path: 'loopback' }).passed, [
    `output ${way}`,
    `postrouting ${way}`,
    `prerouting ${way}`,
    `input ${way}`,
  ]);
});

t.test('translation by the table itself', async (t) => {
  const nat = (hook: BaseChain['hook'], priority: number, ...lists: readonly (readonly Statement[])[]): Chain => ({
    ...chain(`nat-${hook}-${priority}`, ...lists),
    base: { type: 'nat', hook, priority },
  });
  const external = '198.51.100.77';
  const sent: Packet = { ...SYN, path: 'forward', oif: 'eth0', destination: external };
  const passed = (chains: readonly Chain[], packet: Packet) => tracer(table(chains)).trace(packet).passed;
  const before = nat('prerouting', -105, [match(ip.daddr, external), dnat('10.65.0.2')]);
  const way = (hook: string, to = '10.65.0.2', from = '10.0.0.5') => `${hook} ${from} > ${to}`;
  const all = (to?: string, from?: string) =>
    ['prerouting', 'forward', 'postrouting'].map((hook) => way(hook, to, from));
  t.same(passed([before], sent), all());
  const toWorkload = { ...chain('out', [match(meta.oifname, 'cali0'), drop]), base: base('forward', 0) };
  t.equal(verdict([before, toWorkload], sent), 'drop', 'it is routed by the address that it then has');
  const status = { ...chain('status', [match(ct.status, 'dnat'), drop]), base: base('forward', 0) };
  t.equal(verdict([before, status], sent), 'drop');
  const early = { ...chain('early', [match(ip.daddr, external), drop]), base: base('prerouting', -145) };
  t.equal(verdict([before, early], sent), 'drop', 'untranslated before');

  for (const state of ['established', 'related', 'invalid', 'untracked'] as const)
    t.same(passed([before], { ...sent, state }), all(external), `${state}: not by rules`);
  const raw = { ...chain('raw', [notrack]), base: base('prerouting', -295) };
  t.same(passed([raw, before], sent), all(external), 'not without tracking');

  const others = { destination: '10.1.0.7', path: 'forward', oif: 'eth1' } as const;
  t.same(passed([before], { ...sent, dnat: others }), all(), 'the first one counts');
  const late = nat('prerouting', -95, [match(ip.daddr, external), dnat('10.65.0.2')]);
  t.same(passed([late], { ...sent, dnat: others }), all('10.1.0.7'));

  const output = nat('output', -105, [match(ip.daddr, '10.0.0.2'), dnat('10.65.0.2')]);
  const again = nat('prerouting', -105, [match(ip.daddr, '10.0.0.1'), dnat('10.65.0.2')]);
  const local: Packet = { ...SYN, path: 'loopback', iif: undefined, source: '10.0.0.2' };
  t.same(
    passed([output], { ...local, destination: '10.0.0.2' }),
    ['output', 'postrouting'].map((hook) => way(hook, '10.65.0.2', '10.0.0.2')),
    'from the host, which then sends it out',
  );
  t.equal(passed([output, again], local).length, 4, 'once for each connection, also over lo');

  const hairpin = nat('postrouting', 95, [match(ip.saddr, '10.65.0.2'), match(ip.daddr, '10.65.0.2'), snat(external)]);
  t.same(passed([before, hairpin], { ...sent, iif: 'cali0', source: '10.65.0.2' }), [
    way('prerouting', '10.65.0.2', '10.65.0.2'),
    way('forward', '10.65.0.2', '10.65.0.2'),
    way('postrouting', '10.65.0.2', external),
  ]);
  const sixth = nat('prerouting', -105, [dnat('fd65::2')], [dnat('10.65.0.3')]);
  t.same(passed([sixth], sent), all('10.65.0.3'), 'an address of the other family is passed over');

  const refused = (...chains: readonly Chain[]) => t.throws(() => verdict(chains, sent), { name: 'Refused' });
  refused(input([dnat('10.65.0.2')]));
  refused(nat('prerouting', -105, [snat('10.65.0.2')]));
  refused(nat('postrouting', 95, [dnat('10.65.0.2')]));
  refused(nat('prerouting', -105, [drop]));
  refused(nat('prerouting', -105, [dnat('10.65.0.2'), accept]));
  refused(nat('prerouting', -100, [dnat('10.65.0.2')]));
  refused(nat('prerouting', -205, [dnat('10.65.0.2')]));
  refused(nat('forward', 0, [accept]));
});

t.test('refuses what it does not know', async (t) => {
  const refused = (chains: readonly Chain[], more?: Partial<Table>) =>
    t.throws(() => verdict(chains, SYN, more), { name: 'Refused' });
  const unknown = (statement: unknown) => refused([input([statement as Statement])]);
  unknown({ kind: 'queue' });
  unknown({ kind: 'match', left: { kind: 'meta', key: 'skuid' }, op: '==', right: 0 });
  unknown({ kind: 'match', left: { kind: 'payload', protocol: 'tcp', field: 'flags' }, op: '==', right: 2 });
  unknown({ kind: 'match', left: { kind: 'ct', key: 'mark' }, op: '==', right: 0 });
  unknown({ kind: 'match', left: th.dport, op: '<', right: 0 });
  refused([input([match(th.dport, 'http')])]);
  refused([input([match(ip.saddr, 'fd00::1')])]);
  refused([input([match(ip.saddr, anyOf([{ address: '10.0.0.1', length: 24 }]))])]);
  refused([input([match(ip.saddr, anyOf([]))])]);
  refused([input([match(ip.saddr, inSet('none'))])]);
  refused([input([match(ip.saddr, inSet('s'))])], { sets: [{ name: 's', type: ['inet_service'], elements: [] }] });
  const interval: NamedSet = { name: 's', type: ['ipv4_addr'], elements: [{ address: '10.0.0.0', length: 8 }] };
  refused([input([match(ip.saddr, inSet('s'))])], { sets: [interval] });
  refused([input([accept, drop])]);
  refused([input([])]);
  refused([input([jump('none')])]);
  refused([input([jump('a')]), chain('a', [jump('a')])]);
  refused([input([limit(1, 'second', 1), drop])]);
  t.equal(verdict([input([limit(1, 'second', 1), log('x')])]), 'accept');
  refused([input([notrack])]);
  refused([{ ...chain('a', [match(ct.state, 'new'), drop]), base: base('prerouting', -295) }]);
  refused([{ ...chain('a', [reject]), base: base('postrouting', 0) }]);
  refused([{ ...chain('a'), base: base('prerouting', -200) }]);
  refused([{ ...chain('a'), base: base('prerouting', -100) }]);
  refused([{ ...chain('a'), base: { type: 'route', hook: 'output', priority: 0 } }]);
  refused([input(), { ...input(), name: 'b' }]);
  refused([input(), input()]);
});

t.test('what the tests count with', async (t) => {
  for (const text of [
    '0.0.0.0',
    '10.0.0.255',
    '::',
    '::1',
    'fd00::',
    'fd65:0:0:1::1',
    '1:2:3:4:5:6:7:8',
    '1::3:0:0:6:7',
  ])
    t.equal(addressText(text.includes(':') ? 6 : 4, addressNumber(text)), text);
  t.throws(() => addressNumber('10.0.0'));
  const numbers = (seed: number) => Array.from({ length: 5 }, random(seed).int.bind(undefined, 1000));
  t.same(numbers(7), numbers(7));
  t.notSame(numbers(7), numbers(8));
});
