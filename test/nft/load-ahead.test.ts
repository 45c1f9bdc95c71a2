import fc from 'fast-check';
import t from 'tap';
import { describeTable } from '../../src/nft/content.js';
import type { Driver } from '../../src/nft/driver.js';
import { accept, drop, inSet, ip, match, notMatch } from '../../src/nft/expressions.js';
import { type FakeDriver, fakeDriver } from '../../src/nft/fake-driver.js';
import { kernelTable } from '../../src/nft/kernel-table.js';
import type { Table } from '../../src/nft/objects.js';
import { differences } from '../../src/nft/table-differences.js';
import { table } from './arbitraries.js';

const MOST = 4;

/** Two sets that a rule needs together, one of them by negation. */
function version(allowed: readonly string[], denied: readonly string[], comment = 'same'): Table {
  return {
    name: 'margay',
    chains: [
      { name: 'a', rules: [{ statements: [match(ip.saddr, inSet('in')), notMatch(ip.saddr, inSet('out')), accept] }] },
      { name: 'b', rules: [{ statements: [drop], comment }] },
    ],
    sets: [
      { name: 'in', type: ['ipv4_addr'], elements: allowed },
      { name: 'out', type: ['ipv4_addr'], elements: denied },
    ],
    maps: [],
  };
}

function addresses(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `10.0.0.${from + index}`);
}

/** The rules with the elements that they look for in place of the sets' names. */
function meaning(table: Table | undefined): string {
  if (!table) return '';
  const { chains, sets } = describeTable(table);
  const elements = (text: string, name: string) => {
    const set = sets.get(name);
    return set ? JSON.stringify([...set.elements].sort()) : text;
  };
  const rules = [...chains].map(([name, { rules }]) => [
    name,
    rules.map((rule) => rule.replace(/"@([^"]+)"/g, elements)),
  ]);
  return JSON.stringify(rules.sort());
}

/** What the kernel is taken through; to be emptied by who looks at it. */
function observed(driver: FakeDriver) {
  const seen: string[] = [];
  const counts: number[] = [];
  const watched: Driver = {
    ...driver,
    async apply(script) {
      await driver.apply(script);
      seen.push(meaning(driver.table()));
      const added = script.changes.map((change) => (change.object === 'setElement' ? change.elements.length : 0));
      counts.push(added.reduce((sum, count) => sum + count, 0));
    },
  };
  return { watched, seen, counts };
}

t.test('many elements go ahead of the rules, and no rule ever looks for a part of them', async (t) => {
  const driver = fakeDriver({ table: { ...version([], []), chains: [], sets: [] } });
  const { watched, seen, counts } = observed(driver);
  const kernel = kernelTable(watched, 'margay', { mostElements: MOST });
  const versions = [
    version(addresses(0, 30), addresses(20, 15)),
    version(addresses(15, 30), addresses(0, 15), 'another'),
    version(addresses(15, 30), addresses(0, 16)),
    version([], addresses(0, 15)),
    version(addresses(0, 3), addresses(0, 15)),
  ];
  for (const desired of versions) {
    const before = meaning(driver.table());
    await kernel.sync(desired);
    t.strictSame(
      seen.splice(0).filter((one) => one !== before && one !== meaning(desired)),
      [],
      'the old or the new ones',
    );
    const content = driver.content();
    t.strictSame(content && differences(content, describeTable(desired)), [], 'no other sets are left');
    t.equal((await kernel.sync(structuredClone(desired))).changes, 0);
  }
  t.ok(counts.every((count) => count <= MOST));
  t.equal(counts.at(-1), 3, 'few go with the rules');
});

t.test('from any table to any table', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(table, { minLength: 1, maxLength: 3 }), async (tables) => {
      const driver = fakeDriver();
      const { watched, seen } = observed(driver);
      const kernel = kernelTable(watched, 'margay', { mostElements: 1 });
      for (const desired of tables) {
        const before = meaning(driver.table());
        await kernel.sync(desired);
        const content = driver.content();
        if (!content || differences(content, describeTable(desired)).length > 0) throw new Error('not as desired');
        const odd = seen.splice(0).find((one) => ![before, meaning(desired), '[]'].includes(one));
        if (odd !== undefined) throw new Error(`neither the old nor the new rules: ${odd}`);
      }
    }),
    { numRuns: 200 },
  );
});

t.test('what is left of a load that was interrupted is used or goes', async (t) => {
  const driver = fakeDriver();
  const desired = version(addresses(0, 30), addresses(20, 15));
  let scripts = 0;
  const dying: Driver = {
    ...driver,
    async apply(script) {
      if (++scripts > 3) throw new Error('gone');
      await driver.apply(script);
    },
  };
  await t.rejects(kernelTable(dying, 'margay', { mostElements: MOST }).sync(desired), { message: 'gone' });
  t.ok(driver.table()?.sets.length);
  await kernelTable(driver, 'margay', { mostElements: MOST }).sync(desired);
  const content = driver.content();
  t.strictSame(content && differences(content, describeTable(desired)), []);
});
