import { execFileSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import { describeTable } from '../../src/nft/content.js';
import { diff } from '../../src/nft/diff.js';
import type { ForeignChange } from '../../src/nft/driver.js';
import {
  accept,
  anyOf,
  concat,
  counter,
  ct,
  ctCount,
  dnat,
  drop,
  goto,
  icmp,
  icmpv6,
  inSet,
  ip,
  ip6,
  jump,
  limit,
  limitOver,
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
  tcpReset,
  th,
  vmap,
  vmapNamed,
} from '../../src/nft/expressions.js';
import { kernelTable } from '../../src/nft/kernel-table.js';
import { nftCommand } from '../../src/nft/nft-command.js';
import { nftSession } from '../../src/nft/nft-session.js';
import type { Statement, Table, Value } from '../../src/nft/objects.js';
import { ownProcesses } from '../../src/nft/own-processes.js';
import { printTable, printTransaction } from '../../src/nft/print.js';
import { differences } from '../../src/nft/table-differences.js';
import { interfaceName, table } from '../nft/arbitraries.js';
import { nftNamespace, whyNoNamespace } from './nft-namespace.js';

/** The driver and the real nft, in a network namespace of this test's own. */

const skip = whyNoNamespace();
if (skip !== undefined) {
  t.plan(0, skip);
  process.exit();
}

const namespace = nftNamespace();
t.teardown(namespace.remove);
// Full scripts go to a process of their own all the same, and so does what the staying one refuses.
const driver = nftCommand({ command: namespace.command, session: true });
t.teardown(() => driver.close());

async function load(desired: Table): Promise<void> {
  await driver.apply(printTable(desired));
}

async function differing(desired: Table): Promise<readonly string[]> {
  const content = await driver.read('margay');
  return content ? differences(content, describeTable(desired)) : ['no table'];
}

function tableOf(...rules: (readonly Statement[])[]): Table {
  const elements: Value[] = ['10.0.0.1'];
  return {
    name: 'margay',
    chains: [
      { name: 'other', rules: [] },
      {
        name: 'rules',
        comment: 'a chain',
        rules: rules.map((statements, index) => ({ statements, comment: `rule ${index}` })),
      },
    ],
    sets: [{ name: 's', type: ['ipv4_addr'], elements }],
    maps: [{ name: 'm', type: ['ifname'], elements: [['x*', goto('other')]] }],
  };
}

t.test('what is printed reads back the same, rule by rule', async (t) => {
  const net = (address: string, length: number) => ({ address, length });
  const rules: (readonly Statement[])[] = [
    [match(ct.state, anyOf(['established', 'related'])), accept],
    [notMatch(ct.state, 'invalid'), counter, ret],
    [match(ct.status, 'dnat'), accept],
    [notMatch(ct.status, anyOf(['snat', 'dnat'])), drop],
    [
      vmap(ct.state, [
        ['established', accept],
        ['related', accept],
        ['invalid', drop],
      ]),
    ],
    [match(meta.nfproto, 'ipv4'), match(ip.saddr, '10.0.0.1'), accept],
    [match(meta.nfproto, anyOf(['ipv4', 'ipv6'])), accept],
    [match(meta.l4proto, 6), match(th.dport, anyOf([80, { from: 90, to: 99 }, 100])), accept],
    [match(meta.l4proto, 6), notMatch(ip.daddr, inSet('s')), match(th.sport, 1), vmap(th.dport, [[80, jump('other')]])],
    [match(meta.l4proto, anyOf([6, 17, 132])), match(th.dport, anyOf([80, 81])), accept],
    [match(meta.l4proto, 1), notMatch(icmp.type, 8), accept],
    [match(concat(icmp.type, icmp.code), [8, 0]), accept],
    [
      notMatch(
        concat(icmpv6.type, icmpv6.code),
        anyOf([
          [1, 0],
          [128, 0],
        ]),
      ),
      accept,
    ],
    [match(icmpv6.type, anyOf([133, 134, 135, 136])), match(ip6.hoplimit, 255), accept],
    [notMatch(masked(meta.mark, 0x10000), 0), accept],
    [match(masked(meta.mark, 0xffff0000), 0x10000), accept],
    [setMark(0xfffeffff, 0x10000)],
    [setMark(0xfffeffff, 0)],
    [setMark(0, 5), setMark(0xffffffff, 0), setMark(0xff, 0x10ff)],
    [match(meta.iifname, { startsWith: 'cali' }), notMatch(meta.oifname, 'cali*'), accept],
    [match(meta.iifname, anyOf(['eth0', 'cali1', { startsWith: 'cali' }])), accept],
    [notMatch(meta.iif, 0), accept],
    [match(masked(ip.saddr, '255.255.255.0'), inSet('s')), accept],
    [match(masked(ip.saddr, '0.0.0.0'), inSet('s')), accept],
    [match(masked(ip.saddr, '255.255.255.0'), '10.0.0.0'), accept],
    [match(masked(ip6.saddr, 'ffff:ffff::'), anyOf(['fe80::', 'fe81::'])), accept],
    [
      match(
        ip.saddr,
        anyOf([net('10.0.0.0', 8), net('10.1.0.0', 16), net('11.0.0.0', 8), net('12.0.0.0', 8), '9.9.9.9']),
      ),
      accept,
    ],
    [notMatch(ip.saddr, net('0.0.0.0', 0)), accept],
    [match(ip6.saddr, anyOf(['::1.2.3.4', '::ffff:1.2.3.4', net('2001:db8::', 127)])), accept],
    [vmapNamed(meta.iifname, 'm')],
    [
      vmap(concat(meta.l4proto, th.dport), [
        [[6, { from: 80, to: 90 }], goto('other')],
        [[17, 53], drop],
      ]),
    ],
    [limit(10, 'minute', 7), log('x: "$y" é')],
    [match(ip.saddr, '10.0.0.1'), reject],
    [match(ip6.saddr, '::1'), reject],
    [notrack],
    [limitOver(100, 200), drop],
    [match(meta.l4proto, 6), ctCount(4), tcpReset],
    [match(meta.l4proto, 6), match(th.dport, 80), tcpReset],
    [tcpReset],
  ];
  for (const rule of rules) {
    const desired = tableOf(rule);
    await load(desired);
    const text = printTable(desired)
      .text.split('\n')
      .find((line) => line.includes('"rule 0"'));
    t.same(await differing(desired), [], text?.trim() ?? '');
  }
});

t.test('address translation reads back the same', async (t) => {
  const nat = (hook: 'prerouting' | 'postrouting', ...rules: (readonly Statement[])[]) =>
    ({
      name: hook,
      base: { type: 'nat', hook, priority: 110 },
      rules: rules.map((statements) => ({ statements })),
    }) as const;
  const desired: Table = {
    name: 'margay',
    sets: [],
    maps: [],
    chains: [
      nat(
        'prerouting',
        [match(ip.daddr, '10.0.0.1'), dnat('10.0.0.2')],
        [match(ip6.daddr, '2001:db8::1'), dnat('2001:DB8:0::2')],
      ),
      nat(
        'postrouting',
        [match(meta.nfproto, 'ipv4'), match(ip.saddr, '10.0.0.2'), snat('10.0.0.1')],
        [snat('::ffff:10.0.0.1')],
      ),
    ],
  };
  await load(desired);
  t.same(await differing(desired), []);
});

t.test('random tables: full script, and the difference to the next one', async () => {
  let before: Table | undefined;
  await fc.assert(
    fc.asyncProperty(table, fc.boolean(), async (desired, whole) => {
      const actual = whole || !before ? undefined : describeTable(before);
      await driver.apply(printTransaction(diff(actual, desired, describeTable(desired))));
      before = desired;
      const differ = await differing(desired);
      if (differ.length > 0) throw new Error(`${differ.join()}\n${printTable(desired).text}`);
    }),
    { numRuns: 60, endOnFailure: true },
  );
});

t.test('text from outside stays between its quotes', async (t) => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.constantFrom('"; flush ruleset; "', '\\"', '$x $', '\n}\ntable inet evil {}\n', '#', '\0', '\ud800', '*', '\\*'),
  );
  await load({ name: 'other', chains: [], sets: [], maps: [] });
  const run = fc.assert(
    fc.asyncProperty(nasty, nasty, interfaceName, async (comment, prefix, name) => {
      const desired: Table = {
        name: 'margay',
        chains: [
          { name: 'c', comment, rules: [{ statements: [match(meta.iifname, name), log(prefix), accept], comment }] },
        ],
        sets: [{ name: 's', type: ['ifname'], comment, elements: [name] }],
        maps: [],
      };
      await load(desired);
      const differ = await differing(desired);
      const tables = namespace.nft('list', 'tables').trim().split('\n').sort();
      if (differ.length > 0 || tables.join() !== 'table inet margay,table inet other')
        throw new Error(`${differ} ${tables}`);
    }),
    { numRuns: 60 },
  );
  await t.resolves(run, 'nothing broke out');
  namespace.nft('delete', 'table', 'inet', 'other');
});

t.test('large sets', async (t) => {
  const elements = Array.from({ length: 12_000 }, (_, index) => `10.0.${Math.floor(index / 250)}.${index % 250}`);
  const desired = tableOf();
  const large: Table = { ...desired, sets: [{ name: 's', type: ['ipv4_addr'], elements }] };
  await load(large);
  t.same(await differing(large), []);
  await driver.apply(printTransaction(diff(describeTable(large), desired, describeTable(desired))));
  t.same(await differing(desired), []);
});

t.test('what others do to the table is found and repaired', async (t) => {
  const desired = tableOf([match(ip.saddr, inSet('s')), accept], [vmapNamed(meta.iifname, 'm')], [jump('other')]);
  const kernel = kernelTable(driver, 'margay');
  await kernel.sync(desired);
  const cases: [string, readonly string[]][] = [
    ['insert rule inet margay rules drop', ['chain rules']],
    ['add chain inet margay extra; add rule inet margay extra goto other', ['chain extra']],
    [
      'add chain inet margay hooked { type filter hook input priority 3; policy drop; }; add rule inet margay hooked jump rules',
      ['chain hooked'],
    ],
    ['add element inet margay s { 10.0.0.9 }; delete element inet margay s { 10.0.0.1 }', ['set s']],
    [
      'add set inet margay odd { type ether_addr; flags timeout; }; add element inet margay odd { 00:01:02:03:04:05 timeout 1h }',
      ['set odd'],
    ],
    [
      'add map inet margay odd { type ifname : mark; }; add rule inet margay other meta mark set iifname map @odd',
      ['chain other', 'map odd'],
    ],
    ['add element inet margay m { "y" : goto rules }', ['map m']],
    ['add counter inet margay n; add rule inet margay rules counter name n', ['chain rules', 'counter n']],
    ['add ct helper inet margay h { type "ftp" protocol tcp; }', ['ct helper h']],
    ['add rule inet margay rules ip saddr 1.1.1.1 ct mark 5 update @s { ip saddr }', ['chain rules', 'set s']],
    ['add table inet margay { flags dormant; }', ['table flags']],
    ['flush chain inet margay rules', ['chain rules']],
    ['delete table inet margay', ['table margay']],
  ];
  for (const [tampering, found] of cases) {
    namespace.nft(tampering);
    kernel.forget();
    t.same(await kernel.audit(desired), found, tampering);
    await kernel.sync(desired);
    t.same(await differing(desired), [], 'repaired');
    t.equal((await kernel.sync(desired)).changes, 0);
  }
});

t.test('removal', async (t) => {
  await load(tableOf());
  const removal = printTransaction([{ table: 'margay', op: 'delete', object: 'table' }]);
  await driver.apply(removal);
  t.equal(await driver.read('margay'), undefined);
  t.equal(await driver.has('margay'), false);
  namespace.nft('add table inet margay');
  t.equal(await driver.has('margay'), true, 'an empty one');
  t.equal(await driver.has('mar'), false);
  await driver.apply(removal);
  t.equal(await driver.read('margay'), undefined, 'not an error without a table');
});

t.test('a refusal names the line and whose it is, and changes nothing', async (t) => {
  await load(tableOf());
  const origin = { kind: 'GlobalNetworkPolicy', name: 'p' };
  const hook = { type: 'filter', hook: 'postrouting', priority: 0 } as const;
  const bad: Table = {
    name: 'margay',
    sets: [],
    maps: [],
    chains: [{ name: 'b', base: hook, rules: [{ statements: [accept] }, { statements: [reject], origin }] }],
  };
  await t.rejects(driver.apply(printTable(bad)), {
    code: 'refused',
    origin,
    line: /reject with/,
    message: /not supported/,
  });
  await t.rejects(driver.check(printTable(bad)), { code: 'refused', origin });
  t.same(await differing(tableOf()), []);
  await driver.check(printTable(tableOf([drop])));
  t.same(await differing(tableOf()), [], 'a check has no effect');
  const gone = nftCommand({ command: ['ip', 'netns', 'exec', 'margay-no-such-namespace', 'nft'] });
  await t.rejects(gone.read('margay'), { code: 'unreadable' });
});

t.test('a session: small transactions in one process, which is replaced when it dies', async (t) => {
  await load(tableOf());
  const own = ownProcesses();
  const session = nftSession({ command: namespace.command, timeoutSeconds: 10, own });
  t.teardown(() => session.close());
  const step = (value: string, op: 'add' | 'delete') => {
    const element = { table: 'margay', name: 's', type: ['ipv4_addr'], elements: [value] } as const;
    return printTransaction([
      op === 'add' ? { ...element, op, object: 'setElement' } : { ...element, op, object: 'element' },
    ]);
  };
  t.equal(await session.apply(step('10.0.0.2', 'add')), true);
  t.equal(await session.apply(step('10.0.0.2', 'delete')), true);
  t.equal(await session.apply(step('10.0.0.2', 'delete')), false, 'what the kernel refuses');
  t.equal(await session.apply(step('10.0.0.3', 'add')), true, 'and it goes on');
  t.equal(await session.apply(printTable(tableOf())), false, 'a full script is not for it');
  const pids = () =>
    execFileSync('ip', ['netns', 'pids', namespace.name], { encoding: 'utf8' }).trim().split('\n').filter(Boolean);
  const [pid = ''] = pids();
  process.kill(Number(pid), 'SIGKILL');
  while (pids().includes(pid)) await pause(5);
  t.equal(await session.apply(step('10.0.0.4', 'add')), true, 'another process');
  t.not(pids()[0], pid);
  t.match(namespace.nft('list', 'set', 'inet', 'margay', 's'), /10\.0\.0\.1, 10\.0\.0\.3,\s+10\.0\.0\.4 \}/);
  await session.close();
  t.same(pids(), [], 'nothing is left');
  const hung = nftSession({
    command: ['sh', '-c', 'read a; echo "meta expression, x"; exec sleep 60'],
    timeoutSeconds: 0.2,
    own,
  });
  await t.rejects(hung.apply(step('10.0.0.5', 'add')), { code: 'timeout' });
  const absent = nftSession({ command: ['/nonexistent/nft'], timeoutSeconds: 1, own });
  t.equal(await absent.apply(step('10.0.0.5', 'add')), false);
  await Promise.all([hung.close(), absent.close()]);
});

t.test('watch: commits of others to our table, with their process', async (t) => {
  await load(tableOf([accept], [drop]));
  const changes: ForeignChange[] = [];
  let settled = false;
  const watch = driver.watch('margay', (change) => {
    // Told once when the monitor listens for certain: what was before may have been missed.
    if (change.kind === 'lost') settled = true;
    else changes.push(change);
  });
  // nft monitor doesn't tell when it begins to listen: changes that do nothing, until one is heard.
  for (let attempt = 0; !(settled && changes.length > 0) && attempt < 50; attempt++) {
    namespace.nft('add chain inet margay probe');
    namespace.nft('delete chain inet margay probe');
    await pause(50);
  }
  await pause(200);
  changes.splice(0);
  namespace.nft(
    'add table inet other; add set inet other s { type mark; comment " inet margay "; }; add element inet other s { 5 }',
  );
  const commands = [
    'insert rule inet margay rules accept',
    'delete element inet margay s { 10.0.0.1 }',
    'add element inet margay s { 10.0.0.7 }',
    'flush set inet margay s',
    'flush chain inet margay rules',
    'add table inet margay { flags dormant; }',
    'delete table inet margay',
  ];
  for (const command of commands) {
    namespace.nft(command);
    await heard(changes);
    t.match(changes.splice(0), [{ kind: 'changed', process: { pid: Number, name: 'nft' } }], command);
  }
  await load(tableOf([accept]));
  await load(tableOf([drop]));
  for (let number = 2; number < 20; number++) {
    const elements = [`10.0.0.${number}`];
    const change = {
      table: 'margay',
      op: 'add',
      object: 'setElement',
      name: 's',
      type: ['ipv4_addr'],
      elements,
    } as const;
    await driver.apply(printTransaction([change]));
  }
  namespace.nft('flush ruleset');
  await heard(changes);
  t.equal(changes.splice(0).length, 1, 'our own commits are not told, flush ruleset is');
  await watch.stop();
  namespace.nft('add table inet margay');
  await pause(100);
  t.same(changes, [], 'stopped');
});

async function heard(changes: readonly unknown[]): Promise<void> {
  for (let attempt = 0; changes.length === 0 && attempt < 100; attempt++) await pause(20);
}
