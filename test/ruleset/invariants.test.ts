import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import t from 'tap';
import { describeTable } from '../../src/nft/content.js';
import { referencesOf, targetOf } from '../../src/nft/diff.js';
import { changedTable } from '../../src/nft/fake-table.js';
import type { Chain, Table } from '../../src/nft/objects.js';
import { printTable } from '../../src/nft/print.js';
import { keyText } from '../../src/resources/resource.js';
import { conntrackTable, renderTable } from '../../src/ruleset/render.js';
import { arbitraryCluster, arbitraryInterfaces, arbitraryResource, keyOf } from '../policy/arbitrary-cluster.js';
import { calculate, newCalculator } from '../policy/from-yaml.js';

const arbitraryTable = fc
  .tuple(arbitraryCluster, arbitraryInterfaces)
  .map(([cluster, on]) => renderTable(calculate(cluster, { on }).hostPolicy));

function references(chain: Chain): { readonly chains: readonly string[]; readonly sets: readonly string[] } {
  const all = chain.rules.flatMap(({ statements }) => statements).map(referencesOf);
  return { chains: all.flatMap(({ chains }) => chains), sets: all.flatMap(({ sets }) => sets) };
}

function assertSound(table: Table): void {
  const chains = new Map(table.chains.map((chain) => [chain.name, chain]));
  const maps = new Map(table.maps.map((map) => [map.name, map]));
  const sets = new Set(table.sets.map(({ name }) => name));
  assert.equal(chains.size, table.chains.length, 'names of chains are unique');
  assert.equal(sets.size + maps.size, table.sets.length + table.maps.length, 'names of sets and maps are unique');
  for (const name of [...chains.keys(), ...sets, ...maps.keys()]) assert.match(name, /^[a-z][a-z0-9-]{0,63}$/);

  const reached = new Set<string>();
  const usedSets = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    assert.ok(!path.includes(name), `a loop: ${path.join(' > ')} > ${name}`);
    assert.ok(path.length < 16, `deeper than the kernel's stack: ${path.join(' > ')}`);
    const chain = chains.get(name);
    assert.ok(chain, `chain ${name} of ${path.at(-1)} is not there`);
    reached.add(name);
    const { chains: next, sets: names } = references(chain);
    for (const set of names) {
      usedSets.add(set);
      const map = maps.get(set);
      assert.ok(map ?? sets.has(set), `set ${set} of ${name} is not there`);
      for (const [, verdict] of map?.elements ?? []) for (const to of targetOf(verdict)) visit(to, [...path, name]);
    }
    for (const to of next) visit(to, [...path, name]);
  };
  for (const { name, base } of table.chains) if (base) visit(name, []);
  assert.deepEqual(
    [...chains.keys()].filter((name) => !reached.has(name)),
    [],
    'chains that nothing leads to',
  );
  assert.deepEqual(
    [...sets, ...maps.keys()].filter((name) => !usedSets.has(name)),
    [],
    'sets that nothing looks up',
  );
}

t.test('tables of random policies are sound', async (t) => {
  t.doesNotThrow(() => fc.assert(fc.property(arbitraryTable, assertSound), { numRuns: 200 }));
  assertSound(conntrackTable());
});

t.test('rules: one verdict at the end, origins and comments', async (t) => {
  const final = new Set(['accept', 'drop', 'reject', 'return', 'goto']);
  const property = fc.property(arbitraryTable, (table) => {
    for (const { rules, name } of table.chains) {
      for (const { statements, comment, origin } of rules) {
        const verdicts = statements.filter(({ kind }) => final.has(kind));
        assert.ok(verdicts.length <= 1, `${name}: two verdicts`);
        if (verdicts.length === 1)
          assert.equal(statements.at(-1), verdicts[0], `${name}: something follows the verdict`);
        // The comment names the object that it is for.
        if (origin) assert.ok(comment?.startsWith(`${origin.kind} `), comment);
      }
    }
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 50 }));
});

t.test('no reject below postrouting, where the kernel refuses it', async (t) => {
  const property = fc.property(arbitraryTable, (table) => {
    const chains = new Map(table.chains.map((chain) => [chain.name, chain]));
    const maps = new Map(table.maps.map((map) => [map.name, map]));
    const visit = (name: string): void => {
      const chain = chains.get(name);
      assert.ok(chain);
      assert.ok(!chain.rules.some(({ statements }) => statements.some(({ kind }) => kind === 'reject')), name);
      const { chains: next, sets } = references(chain);
      const mapped = sets.flatMap((set) => maps.get(set)?.elements ?? []).flatMap(([, verdict]) => targetOf(verdict));
      for (const to of [...next, ...mapped]) visit(to);
    };
    for (const { name, base } of table.chains) if (base?.hook === 'postrouting') visit(name);
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 100 }));
});

t.test(
  'the printer, the description and the fake kernel take them; the same policy gives the same bytes',
  async (t) => {
    const property = fc.property(
      arbitraryCluster.chain((cluster) =>
        fc.tuple(fc.constant(cluster), fc.shuffledSubarray(cluster, { minLength: cluster.length })),
      ),
      arbitraryInterfaces,
      ([cluster, shuffled], on) => {
        const table = renderTable(calculate(cluster, { on }).hostPolicy);
        const again = renderTable(calculate(shuffled, { on }).hostPolicy);
        const script = printTable(table);
        assert.equal(printTable(again).text, script.text);
        assert.deepEqual(describeTable(again), describeTable(table));
        assert.ok(changedTable(undefined, script.changes));
      },
    );
    t.doesNotThrow(() => fc.assert(property, { numRuns: 60 }));
  },
);

t.test('what is remembered from one rendering to the next is never out of date', async (t) => {
  const step = fc.record({ resource: arbitraryResource, remove: fc.boolean() });
  const property = fc.property(
    arbitraryCluster,
    fc.array(step, { maxLength: 12 }),
    arbitraryInterfaces,
    (cluster, steps, on) => {
      const lasting = newCalculator();
      lasting.setInterfaces(on);
      const current = new Map(cluster.map((resource) => [keyText(keyOf(resource)), resource]));
      for (const resource of cluster) lasting.upsert(resource);
      for (const { resource, remove } of steps) {
        const key = keyOf(resource);
        if (remove) {
          lasting.remove(key);
          current.delete(keyText(key));
        } else {
          lasting.upsert(resource);
          current.set(keyText(key), resource);
        }
        const fresh = calculate([...current.values()], { on }).hostPolicy;
        const text = printTable(renderTable(lasting.calculate().hostPolicy)).text;
        assert.equal(text, printTable(renderTable(fresh)).text);
      }
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 80 }));
});

function whyNoNft(): string | false {
  const { status } = spawnSync('unshare', ['-rn', 'nft', 'list', 'ruleset'], { stdio: 'ignore', timeout: 10_000 });
  return status === 0 ? false : 'needs nft, and root or user namespaces';
}

t.test('nft and the kernel take them', { skip: whyNoNft() }, async (t) => {
  const seed = Date.now() & 0xffff;
  const tables = [conntrackTable(), ...fc.sample(arbitraryTable, { numRuns: 40, seed })];
  for (const table of tables) {
    const { text } = printTable(table);
    // Sized so that one refusal shows its script and not forty.
    const run = () =>
      execFileSync('unshare', ['-rn', 'nft', '-f', '-'], { input: text, stdio: 'pipe', timeout: 30_000 });
    if (!t.doesNotThrow(run, `seed ${seed}`)) {
      t.comment(text);
      break;
    }
  }
});
