import t from 'tap';
import { describeTable } from '../../src/nft/content.js';
import { type Driver, type ForeignChange, NftError, type TableContent } from '../../src/nft/driver.js';
import { accept, drop, goto, jump, match, th } from '../../src/nft/expressions.js';
import { fakeDriver } from '../../src/nft/fake-driver.js';
import { kernelTable } from '../../src/nft/kernel-table.js';
import { monitorLines } from '../../src/nft/monitor-lines.js';
import { nftCommand } from '../../src/nft/nft-command.js';
import { refusal } from '../../src/nft/nft-error.js';
import { isOlder, nftVersion } from '../../src/nft/nft-version.js';
import type { Rule, Table } from '../../src/nft/objects.js';
import { parseListing } from '../../src/nft/parse-listing.js';
import { printTable, printTransaction } from '../../src/nft/print.js';

const origin = { kind: 'GlobalNetworkPolicy', name: 'p1' };

function version(...rules: Rule[]): Table {
  return {
    name: 'margay',
    chains: [{ name: 'c', rules }],
    sets: [{ name: 's', type: ['mark'], elements: [1, 2] }],
    maps: [],
  };
}

const one = version({ statements: [accept], origin });
const two = version({ statements: [drop] });

t.test('kernelTable', async (t) => {
  t.test('writes what differs, and nothing when nothing does', async (t) => {
    const driver = fakeDriver();
    const kernel = kernelTable(driver, 'margay');
    t.equal((await kernel.sync(one)).changes, 1);
    t.equal((await kernel.sync(structuredClone(one))).changes, 0);
    await kernel.sync(two);
    t.same(driver.content(), describeTable(two));
    t.equal(driver.scripts.length, 2);
    t.match(driver.scripts[1]?.text, /^flush chain inet margay c\nadd rule inet margay c drop\n$/);
  });

  t.test('a restart writes nothing', async (t) => {
    const driver = fakeDriver({ table: one });
    t.same(await kernelTable(driver, 'margay').sync(one), { changes: 0, repaired: [] });
    t.equal(driver.scripts.length, 0);
  });

  t.test('a first table is made without reading; one that is there stays, and is read when it matters', async (t) => {
    const driver = fakeDriver();
    const reads: string[] = [];
    const { read } = driver;
    driver.read = async (name, options) => {
      reads.push(name);
      return read(name, options);
    };
    const kernel = kernelTable(driver, 'margay');
    await kernel.create(one);
    t.same(driver.content(), describeTable(one));
    t.same((await kernel.sync(two)).repaired, []);
    t.same(reads, []);
    const next = kernelTable(driver, 'margay');
    await next.create(one);
    t.same(driver.content(), describeTable(two));
    t.equal((await next.sync(two)).changes, 0);
    t.same(reads, ['margay']);
  });

  t.test('a refusal: the next call reads again', async (t) => {
    let refuse = true;
    const driver = fakeDriver({ refuse: () => (refuse ? new NftError('refused', 'no') : undefined) });
    const kernel = kernelTable(driver, 'margay');
    await t.rejects(kernel.sync(one), { code: 'refused' });
    t.equal(kernel.content, undefined);
    driver.tamper(() => two);
    refuse = false;
    t.same((await kernel.sync(one)).repaired, ['chain c']);
    t.same(driver.content(), describeTable(one));
  });

  t.test('tampering', async (t) => {
    const driver = fakeDriver();
    const kernel = kernelTable(driver, 'margay');
    const changes: ForeignChange[] = [];
    const watch = driver.watch('margay', (change) => {
      changes.push(change);
      kernel.forget();
    });
    await kernel.sync(one);
    driver.tamper((table) => table && { ...table, chains: [], sets: [] });
    t.same(await kernel.audit(one), ['chain c', 'set s']);
    t.same((await kernel.sync(one)).repaired, ['chain c', 'set s']);
    driver.tamper(() => undefined);
    t.same(await kernel.audit(one), ['table margay']);
    await kernel.sync(one);
    t.same(driver.content(), describeTable(one));
    await watch.stop();
    driver.lose();
    t.equal(changes.length, 2);
  });

  t.test('somebody changes the table while it is written', async (t) => {
    const driver = fakeDriver();
    const slow: Driver = {
      ...driver,
      async apply(script) {
        await driver.apply(script);
        kernel.forget();
      },
    };
    const kernel = kernelTable(slow, 'margay');
    await kernel.sync(one);
    driver.tamper(() => two);
    await kernel.sync(one);
    t.same(driver.content(), describeTable(one));
  });

  t.test('an nft that lists an object in another way', async (t) => {
    const driver = fakeDriver();
    const told: string[] = [];
    const odd = oddListing(driver);
    const kernel = kernelTable(odd, 'margay', { onListedDifferently: (object) => told.push(object) });
    await kernel.sync(one);
    t.same(await kernel.audit(one), ['chain c']);
    t.equal((await kernel.sync(one)).changes, 2, 'repaired once');
    t.same(told, ['chain c']);
    t.same(await kernel.audit(one), [], 'then known');
    t.equal((await kernel.sync(one)).changes, 0);
    driver.tamper(() => two);
    t.same(await kernel.audit(one), ['chain c'], 'another listing of it is still a difference');
    await kernel.sync(one);
    t.same(driver.content(), describeTable(one));
  });

  t.test('a table that cannot be read is replaced', async (t) => {
    const driver = fakeDriver({ table: two });
    const unreadable: Driver = { ...driver, read: async () => Promise.reject(new NftError('unreadable', 'x')) };
    await kernelTable(unreadable, 'margay').sync(one);
    t.same(driver.content(), describeTable(one));
    const missing: Driver = { ...driver, read: async () => Promise.reject(new NftError('missing', 'x')) };
    await t.rejects(kernelTable(missing, 'margay').sync(one), { code: 'missing' });
  });
});

function oddListing(driver: Driver): Driver {
  const odd = (content: TableContent | undefined) =>
    content && {
      ...content,
      chains: new Map(
        [...content.chains].map(([name, { header, rules }]) => [
          name,
          { header, rules: rules.map((text) => `${text} `) },
        ]),
      ),
    };
  return { ...driver, read: async (name) => odd(await driver.read(name)) };
}

t.test('fakeDriver refuses what the kernel refuses', async (t) => {
  const on = { table: 'margay' } as const;
  const before: Table = {
    name: 'margay',
    chains: [
      { name: 'a', rules: [{ statements: [jump('b')] }] },
      { name: 'b', rules: [] },
      { name: 'd', rules: [] },
    ],
    sets: [{ name: 'i', type: ['ipv4_addr'], interval: true, elements: [{ address: '10.0.0.0', length: 8 }] }],
    maps: [{ name: 'm', type: ['ifname'], elements: [['x', goto('d')]] }],
  };
  const cases: [Parameters<typeof printTransaction>[0], RegExp][] = [
    [[{ ...on, op: 'delete', object: 'chain', name: 'b' }], /busy/],
    [[{ ...on, op: 'delete', object: 'chain', name: 'd' }], /busy/],
    [[{ ...on, op: 'add', object: 'rule', chain: 'b', rule: { statements: [jump('nope')] } }], /No such file/],
    [[{ ...on, op: 'add', object: 'rule', chain: 'nope', rule: { statements: [accept] } }], /No such file/],
    [
      [{ ...on, op: 'add', object: 'rule', chain: 'a', rule: { statements: [match(th.dport, { set: 'nope' })] } }],
      /No such file/,
    ],
    [[{ ...on, op: 'add', object: 'setElement', name: 'nope', type: ['mark'], elements: [1] }], /No such file/],
    [
      [{ ...on, op: 'add', object: 'setElement', name: 'i', type: ['ipv4_addr'], elements: ['10.1.1.1'] }],
      /conflicting/,
    ],
    [
      [{ ...on, op: 'delete', object: 'element', name: 'i', type: ['ipv4_addr'], elements: ['10.1.1.1'] }],
      /No such file/,
    ],
    [[{ ...on, op: 'add', object: 'mapElement', name: 'm', type: ['ifname'], elements: [['x', drop]] }], /exists/],
    [[{ ...on, op: 'add', object: 'rule', chain: 'b', rule: { statements: [jump('a')] } }], /Too many links/],
    [[{ table: 'other', op: 'flush', object: 'chain', name: 'a' }], /No such file/],
  ];
  for (const [changes, message] of cases) {
    const driver = fakeDriver({ table: before });
    const good = { ...on, op: 'add', object: 'chain', chain: { name: 'new', rules: [] } } as const;
    const script = printTransaction([good, ...changes]);
    await t.rejects(driver.check(script), { code: 'refused', message });
    await t.rejects(driver.apply(script), { code: 'refused', message });
    t.same(driver.content(), describeTable(before), 'all or nothing');
  }
});

t.test('refusal and attribution', async (t) => {
  const script = printTable(one);
  const line = script.text.split('\n').findIndex((each) => each.includes('accept') && !each.includes('policy'));
  const stderr = `/dev/stdin:${line + 1}:3-8: Error: Could not process rule: Too many links\n\t\taccept\n\t\t^^^^^^\n`;
  const error = refusal(stderr, script);
  t.match(error, { code: 'refused', line: '\t\taccept', origin, message: /Too many links$/ });
  t.same(error.origin, origin);
  t.match(refusal('netlink: Error: Could not process rule: Message too long\n', script), {
    line: undefined,
    message: /Message too long/,
  });
  t.match(refusal('', script), { message: /without a message/ });
});

t.test('monitorLines', async (t) => {
  const changes: ForeignChange[] = [];
  const take = monitorLines(
    'margay',
    (pid) => pid === 7,
    (change) => changes.push(change),
  );
  const commit = (lines: string, pid: number) =>
    take(`${lines}\n# new generation 5 by process ${pid} (some (odd) name)\n`);
  const process = { pid: 9, name: 'some (odd) name' };
  for (const line of [
    'delete table inet margay',
    'insert rule inet margay c drop',
    'delete element inet margay s { 1.1.1.1 }',
    'add ct helper inet margay h { }',
    'add chain inet margay c { comment "x"; }',
  ]) {
    commit(`add chain inet other c\n${line}`, 9);
    t.same(changes.splice(0), [{ kind: 'changed', process }], line);
    commit(line, 7);
    t.same(changes.splice(0), [], 'our own');
  }
  commit(
    'add rule inet other c accept comment " inet margay x"\nadd chain inet margay2 c\nadd table ip margay\nadd chain ip inet margay',
    9,
  );
  t.same(changes.splice(0), [], 'not our table');
  commit('', 9);
  t.same(changes.splice(0), [{ kind: 'changed', process }], 'a commit of which nft prints nothing');
  commit('', 7);
  t.same(changes.splice(0), [], 'our own');
  for (const piece of ['delete ta', 'ble inet margay\n# new gen', 'eration 6 by process 9 (x)', '\n']) take(piece);
  t.same(changes.splice(0), [{ kind: 'changed', process: { pid: 9, name: 'x' } }], 'in pieces');
  take('# ERROR: We lost some netlink events!\n');
  t.same(changes.splice(0), [{ kind: 'lost' }]);
});

t.test('nftCommand without nft', async (t) => {
  const script = printTable(one);
  await t.rejects(nftCommand({ command: ['/nonexistent/nft'] }).apply(script), {
    code: 'missing',
    message: /nftables installed/,
  });
  await t.rejects(nftCommand({ command: ['/nonexistent/nft'] }).read('margay'), { code: 'missing' });
  await t.rejects(nftCommand({ command: ['sh', '-c', 'exec sleep 30'], timeoutSeconds: 0.2 }).apply(script), {
    code: 'timeout',
  });
  await t.rejects(nftCommand({ command: ['sh', '-c', 'echo nonsense'] }).read('margay'), { code: 'unreadable' });
  await t.rejects(
    nftCommand({
      command: ['sh', '-c', 'echo Cannot open network namespace: No such file or directory >&2; exit 1'],
    }).read('margay'),
    {
      code: 'unreadable',
      message: /namespace/,
    },
  );
});

t.test('a monitor that ends is started again, and both are told', async (t) => {
  const monitor = 'echo "add table inet margay"; echo "# new generation 2 by process 1 (x)"; exit 0';
  const changes: ForeignChange[] = [];
  await new Promise<void>((resolve) => {
    const watch = nftCommand({ command: ['sh', '-c', monitor] }).watch('margay', (change) => {
      changes.push(change);
      if (changes.length === 4) resolve(watch.stop());
    });
  });
  t.same(
    changes.map(({ kind }) => kind),
    ['changed', 'lost', 'changed', 'lost'],
  );
});

t.test('listings of other versions and of foreign objects', async (t) => {
  const rule = (expr: unknown) => ({ rule: { family: 'inet', table: 'margay', chain: 'c', handle: 2, expr } });
  const listing = (...objects: unknown[]) =>
    parseListing([
      JSON.stringify({
        nftables: [
          { metainfo: {} },
          { table: { family: 'inet', name: 'margay', handle: 1 } },
          { chain: { name: 'c' } },
          ...objects,
        ],
      }),
    ]);
  const named = await listing(
    rule([
      { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'tcp' } },
      {
        match: {
          op: 'in',
          left: { payload: { protocol: 'tcp', field: 'dport' } },
          right: { set: [{ range: [81, 90] }, 80] },
        },
      },
      { accept: null },
    ]),
  );
  const numeric = await listing(
    rule([
      { match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: { range: [80, 90] } } },
      { accept: null },
    ]),
  );
  t.same(named, numeric);
  const foreign = await listing(
    { counter: { name: 'n', packets: 1 } },
    { set: { name: 's', type: 'ipv4_addr', flags: ['timeout'], elem: [{ elem: { val: '1.1.1.1', timeout: 5 } }] } },
    { map: { name: 'd', type: 'ifname', map: 'mark', elem: [['a', 5]] } },
    rule([{ counter: 'n' }, { xt: null }, { match: { op: '==', left: { jhash: {} }, right: 1 } }]),
  );
  t.same(foreign.others, [{ kind: 'counter', name: 'n' }]);
  t.match(foreign.chains.get('c')?.rules[0], /opaque.*opaque.*opaque/);
  t.match(foreign.sets.get('s')?.header, /timeout/);
  t.match(foreign.sets.get('d')?.header, /"map":"mark"/);
  for (const text of ['', '{}', '[]', '{"nftables": [', '{"nftables": [{]}', '{"nftables": []} x'])
    await t.rejects(parseListing([text]), { code: 'unreadable' }, text);
});

t.test('an nft that is too old is told, one that says nothing of its version is tried', async (t) => {
  const nft = (version: string) => nftCommand({ command: ['sh', '-c', `echo "${version}"`, 'nft'] });
  await t.rejects(nft('nftables v0.9.8 (E.D.S.)').usable(), {
    code: 'outdated',
    message: 'nft 0.9.8 is too old: Margay needs 1.0.6 or newer; upgrade the package nftables',
  });
  await nft('nftables v1.0.6 (Lester Gooch #5)').usable();
  await nft('nftables of somebody').usable();
  await t.rejects(nftCommand({ command: ['/nonexistent/nft'] }).usable(), { code: 'missing' });
  t.equal(nftVersion('nftables v1.1.3 (Commodore Bullmoose #4)'), '1.1.3');
  for (const [version, than, expected] of [
    ['0.9.8', '1.0.6', true],
    ['1.0.5', '1.0.6', true],
    ['1.0.6', '1.0.6', false],
    ['1.0.10', '1.0.6', false],
    ['1.1', '1.0.6', false],
    ['1.0', '1.0.6', true],
    ['1.0.6', '1.0', false],
    ['of somebody', '1.0.6', false],
    ['4.19.0-1-amd64', '5.10', true],
    ['5.10.0-30-cloud-amd64', '5.10', false],
    ['6.1.0', '5.10', false],
  ] as const)
    t.equal(isOlder(version, than), expected, `${version} and ${than}`);
});
