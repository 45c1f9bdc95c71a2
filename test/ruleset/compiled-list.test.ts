import t from 'tap';
import { accept, anyOf, concat, drop, goto, inSet, ip, log, match, meta, th } from '../../src/nft/expressions.js';
import type { Rule, Statement, VerdictMap } from '../../src/nft/objects.js';
import { ruleSyntax } from '../../src/nft/print-rule.js';
import { chainPool } from '../../src/ruleset/chain-pool.js';
import { compiledList, type ListOutput, type ListShape } from '../../src/ruleset/compiled-list.js';
import { ruleGroups } from '../../src/ruleset/rule-groups.js';

const TCP = match(meta.l4proto, 6);
const UDP = match(meta.l4proto, 17);
const rule = (...statements: readonly Statement[]): Rule => ({ statements });
const port = (number: number, verdict: Statement = accept) => rule(TCP, match(th.dport, number), verdict);

interface Compiled {
  readonly rules: readonly string[];
  readonly maps: readonly VerdictMap[];
  readonly shape: ListShape | undefined;
  /** The rules behind a protocol and port. */
  behind(protocol: number, port: number): string[] | undefined;
}

function compile(policies: readonly (readonly Rule[])[], lookupFrom = 1): Compiled {
  const output: ListOutput = { pool: chainPool(), maps: [], shapes: [], lookupFrom, mostGrowth: 2 };
  const parts = policies.map((rules, index) => ({ id: `p${index}`, rules }));
  const rules = compiledList({ name: 'n', title: 'list', parts }, output).map(ruleSyntax);
  const chains = new Map(output.pool.chains.map((chain) => [chain.name, chain.rules.map(ruleSyntax)]));
  return {
    rules: rules.map((text) => text.replace(/ comment .*$/, '')),
    maps: output.maps,
    shape: output.shapes[0],
    behind(protocol, number) {
      for (const { elements } of output.maps) {
        const verdict = elements.find(([key]) => JSON.stringify(key) === JSON.stringify([protocol, number]))?.[1];
        if (verdict && 'chain' in verdict) return chains.get(verdict.chain);
      }
      return undefined;
    },
  };
}

t.test('rules for ports stand behind a look-up, in their order, without what the look-up has found out', async (t) => {
  const from = match(ip.saddr, '10.0.0.1');
  const list = compile([[rule(TCP, from, match(th.dport, anyOf([80, 443])), drop)], [port(80)], [port(22)]]);
  t.strictSame(list.rules, ['meta l4proto . th dport vmap @ports-n-0']);
  t.strictSame(list.behind(6, 80), ['ip saddr 10.0.0.1 drop', 'accept']);
  t.strictSame(list.behind(6, 443), ['ip saddr 10.0.0.1 drop']);
  t.strictSame(list.behind(6, 22), ['accept']);
  t.equal(list.behind(17, 80), undefined);
  t.strictSame(list.shape?.parts, [{ form: 'by port', map: 'ports-n-0', keys: 3, chains: 3, rules: 3 }]);
});

t.test('protocol and port may be named together', async (t) => {
  const pairs = match(
    concat(meta.l4proto, th.dport),
    anyOf([
      [6, 22],
      [17, 68],
    ]),
  );
  const from = match(ip.saddr, '10.0.0.1');
  const list = compile([[rule(from, pairs, accept)], [port(22, drop)]]);
  t.strictSame(list.rules, ['meta l4proto . th dport vmap @ports-n-0']);
  t.strictSame(list.behind(6, 22), ['ip saddr 10.0.0.1 accept', 'drop']);
  t.strictSame(list.behind(17, 68), ['ip saddr 10.0.0.1 accept']);
});

t.test('behind a port, what is compared comes before what is looked up, if the verdict is the same', async (t) => {
  const of = (source: Statement, verdict: Statement) => rule(TCP, source, match(th.dport, 80), verdict);
  const set = (name: string) => match(ip.saddr, inSet(name));
  const list = compile([
    [of(set('a'), accept), of(match(ip.saddr, '10.0.0.1'), accept)],
    [of(set('b'), drop), of(set('c'), accept), of(match(ip.saddr, '10.0.0.2'), drop)],
  ]);
  t.strictSame(list.behind(6, 80), [
    'ip saddr 10.0.0.1 accept',
    'ip saddr @a accept',
    'ip saddr @b drop',
    'ip saddr @c accept',
    'ip saddr 10.0.0.2 drop',
  ]);
});

t.test('few rules, or plain lists, stay in order', async (t) => {
  const policies = [[port(80)], [rule(UDP, accept)], [port(22)]];
  const inOrder = [
    'meta l4proto tcp th dport 80 accept',
    'meta l4proto udp accept',
    'meta l4proto tcp th dport 22 accept',
  ];
  t.strictSame(compile(policies, 3).rules, inOrder);
  t.strictSame(compile(policies, Number.POSITIVE_INFINITY).rules, inOrder);
  t.equal(compile(policies, 3).maps.length, 0);
  t.strictSame(compile(policies, 2).rules, ['meta l4proto . th dport vmap @ports-n-0', 'meta l4proto udp accept']);
});

t.test('a rule for a port passes an earlier one only where that makes no difference', async (t) => {
  const anyone = rule(match(ip.saddr, '10.0.0.1'), accept);
  const groups = (...rules: readonly Rule[]) =>
    ruleGroups([{ id: 'p', rules }], (one) =>
      one.statements.some((each) => each.kind === 'match' && each.left === th.dport),
    ).map(({ byPort, others }) => [byPort.length, others.flatMap((part) => part.rules).length]);
  t.strictSame(groups(anyone, port(80)), [[1, 1]], 'the same verdict');
  t.strictSame(groups(rule(UDP, drop), port(80)), [[1, 1]], 'another protocol');
  t.strictSame(
    groups(rule(TCP, drop), port(80)),
    [
      [0, 1],
      [1, 0],
    ],
    'a deny before an allow',
  );
  t.strictSame(
    groups(anyone, port(80, drop)),
    [
      [0, 1],
      [1, 0],
    ],
    'an allow before a deny',
  );
  t.strictSame(groups(port(80, drop), anyone), [[1, 1]], 'in this order it is before anyway');
  t.strictSame(
    groups(rule(log('x')), port(80)),
    [
      [0, 1],
      [1, 0],
    ],
    'what is logged must not change',
  );
  t.strictSame(
    groups(rule(goto('next')), port(80)),
    [
      [0, 1],
      [1, 0],
    ],
    'Pass',
  );
});

t.test('what would leave the list by another way is not put one level down', async (t) => {
  const list = compile([[port(80, goto('next'))], [port(80)]]);
  t.strictSame(list.rules, ['meta l4proto tcp th dport 80 goto next', 'meta l4proto . th dport vmap @ports-n-0']);
});

t.test('ports that would make more than twice the rules stay in order', async (t) => {
  const wide = (first: number) =>
    rule(TCP, match(ip.saddr, `10.0.${first}.1`), match(th.dport, { from: first, to: first + 40 }), accept);
  const list = compile([[wide(1)], [wide(20)], [wide(40)], [port(80)], [port(81)]]);
  t.equal(list.rules.length, 4);
  t.equal(list.maps[0]?.elements.length, 2, 'the others are still told apart by port');
  t.same(compile([[wide(1)], [wide(20)], [wide(40)]]).maps, []);
  const shared = rule(TCP, match(th.dport, { from: 1, to: 40 }), accept);
  t.equal(compile([[shared]]).shape?.parts[0]?.form, 'by port', 'ports with the same rules share a chain');
  const range = rule(TCP, match(th.dport, { from: 1000, to: 9000 }), accept);
  t.same(compile([[range], [range]]).maps, []);
});

t.test('a change of a policy changes its elements and chains only', async (t) => {
  const policies = Array.from({ length: 500 }, (_, index) => [port(1000 + index)]);
  const before = compile(policies);
  const after = compile(policies.map((rules, index) => (index === 250 ? [port(1250, drop)] : rules)));
  t.strictSame(after.rules, before.rules);
  const text = ({ maps }: Compiled) => new Set(maps[0]?.elements.map((element) => JSON.stringify(element)));
  const different = [...text(after)].filter((element) => !text(before).has(element));
  t.equal(different.length, 1);
});
