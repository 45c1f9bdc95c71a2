import fc from 'fast-check';
import t from 'tap';
import { describeTable } from '../../src/nft/content.js';
import { diff } from '../../src/nft/diff.js';
import { accept, drop, goto, inSet, ip, ip6, jump, match, meta, vmapNamed } from '../../src/nft/expressions.js';
import { changedTable } from '../../src/nft/fake-table.js';
import type { Chain, NamedSet, Table, VerdictMap } from '../../src/nft/objects.js';
import { printTransaction } from '../../src/nft/print.js';
import { differences } from '../../src/nft/table-differences.js';
import { table } from './arbitraries.js';

function changes(from: Table | undefined, to: Table) {
  return diff(from && describeTable(from), to, describeTable(to));
}

function lines(from: Table | undefined, to: Table): string[] {
  return printTransaction(changes(from, to)).text.trimEnd().split('\n');
}

function tableOf(chains: readonly Chain[], sets: readonly NamedSet[] = [], maps: readonly VerdictMap[] = []): Table {
  return { name: 'margay', chains, sets, maps };
}

t.test('from any table to any table', async (t) => {
  fc.assert(
    fc.property(table, table, (from, to) => {
      const result = changedTable(from, changes(from, to));
      t.ok(result);
      if (result) t.same(differences(describeTable(result), describeTable(to)), []);
    }),
    { numRuns: 300 },
  );
});

t.test('nothing to do', async (t) => {
  fc.assert(fc.property(table, (same) => t.same(changes(same, structuredClone(same)), [])));
});

t.test('no table', async (t) => {
  const one = tableOf([{ name: 'c', rules: [] }]);
  t.same(changes(undefined, one), [{ table: 'margay', op: 'replace', object: 'table', content: one }]);
});

t.test('elements one by one', async (t) => {
  const set = (...elements: string[]): Table => tableOf([], [{ name: 's', type: ['ipv4_addr'], elements }]);
  t.same(lines(set('1.1.1.1', '1.1.1.2'), set('1.1.1.3', '1.1.1.2')), [
    'delete element inet margay s { 1.1.1.1 }',
    'add element inet margay s { 1.1.1.3 }',
  ]);
});

t.test('a map element is pointed elsewhere and the old chain goes', async (t) => {
  const version = (name: string): Table =>
    tableOf(
      [
        { name, rules: [{ statements: [drop] }] },
        {
          name: 'in',
          base: { type: 'filter', hook: 'input', priority: 0 },
          rules: [{ statements: [vmapNamed(meta.iifname, 'm')] }],
        },
      ],
      [],
      [
        {
          name: 'm',
          type: ['ifname'],
          elements: [
            ['eth0', goto(name)],
            ['eth1', accept],
          ],
        },
      ],
    );
  t.same(lines(version('old'), version('new')), [
    'delete element inet margay m { "eth0" }',
    'flush chain inet margay old',
    'delete chain inet margay old',
    'add chain inet margay new',
    'add rule inet margay new drop',
    'add element inet margay m { "eth0" : goto new }',
  ]);
});

t.test('a set of another type: what refers to it is taken away and put back', async (t) => {
  const version = (type: 'ipv4_addr' | 'ipv6_addr', element: string): Table =>
    tableOf(
      [
        { name: 'a', rules: [{ statements: [match(type === 'ipv4_addr' ? ip.saddr : ip6.saddr, inSet('s'))] }] },
        { name: 'b', rules: [{ statements: [jump('a')] }] },
      ],
      [{ name: 's', type: [type], elements: [element] }],
    );
  t.same(lines(version('ipv4_addr', '1.1.1.1'), version('ipv6_addr', '::1')), [
    'flush chain inet margay a',
    'delete set inet margay s',
    'add set inet margay s { type ipv6_addr; }',
    'add element inet margay s { ::1 }',
    'add rule inet margay a ip6 saddr @s',
  ]);
});

t.test('a base chain at another priority', async (t) => {
  const version = (priority: number): Table =>
    tableOf([{ name: 'in', base: { type: 'filter', hook: 'input', priority }, rules: [{ statements: [drop] }] }]);
  t.same(lines(version(0), version(5)), [
    'flush chain inet margay in',
    'delete chain inet margay in',
    'add chain inet margay in { type filter hook input priority 5; policy accept; }',
    'add rule inet margay in drop',
  ]);
});

t.test('objects of others', async (t) => {
  const desired = tableOf([{ name: 'c', rules: [] }]);
  const content = describeTable(desired);
  const foreign = { ...content, others: [{ kind: 'counter', name: 'x' }] } as const;
  t.same(printTransaction(diff(foreign, desired, content)).text, 'delete counter inet margay x\n');
  t.equal(diff({ ...content, flagged: true }, desired, content)[0]?.op, 'replace', 'it may be dormant');
  const odd = ['a; flush ruleset', { header: '[]', rules: [] }] as const;
  const unspeakable = { ...content, chains: new Map([...content.chains, odd]) };
  t.equal(diff(unspeakable, desired, content)[0]?.op, 'replace', 'a name from netlink that is no nft name');
});
