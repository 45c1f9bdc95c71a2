import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { accept, anyOf, drop, inSet, ip, match, meta, th } from '../../src/nft/expressions.js';
import type { Rule } from '../../src/nft/objects.js';
import { chainPool } from '../../src/ruleset/chain-pool.js';
import { type PortChains, portChains } from '../../src/ruleset/port-chains.js';

/** The same object for the same numbers: lists that follow each other have most rules in common. */
const RULES: readonly Rule[] = Array.from({ length: 24 }, (_, n) => ({
  statements: [
    match(meta.l4proto, n % 2 === 0 ? 6 : 17),
    match(th.dport, n % 5 === 0 ? anyOf([n % 4, 9]) : n % 4),
    n % 3 === 0 ? match(ip.saddr, inSet(`s${n}`)) : match(ip.saddr, `10.0.0.${n}`),
    n % 7 === 0 ? drop : accept,
  ],
}));
const arbitraryRules = fc
  .uniqueArray(fc.nat(RULES.length - 1), { maxLength: 12 })
  .map((numbers) => numbers.flatMap((number) => RULES[number] ?? []));

function shown(chains: PortChains) {
  const { keys, copies } = chains;
  const { elements } = chains.toMap('m', 'c', chainPool());
  return { keys, copies, chains: chains.chains, elements: elements.map((one) => JSON.stringify(one)).sort() };
}

t.test('after any changes it is as if made anew', async (t) => {
  const property = fc.property(fc.array(arbitraryRules, { minLength: 1, maxLength: 6 }), (lists) => {
    let chains = portChains([]);
    for (const rules of lists) {
      chains = chains.changedTo(rules);
      assert.deepEqual(shown(chains), shown(portChains(rules)));
    }
  });
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300 }));
});

t.test('what has been replaced does no harm', async (t) => {
  const [a, b, c] = [RULES.slice(0, 8), RULES.slice(2, 9), RULES.slice(4, 12)];
  const chains = portChains(a);
  chains.changedTo(b);
  t.strictSame(shown(chains.changedTo(c)), shown(portChains(c)));
});

t.test('a change makes new elements for its ports only', async (t) => {
  const pool = chainPool();
  const before = portChains(RULES);
  const elements = before.toMap('m', 'c', pool).elements;
  const changed = before.changedTo(RULES.filter((_, n) => n !== 1)).toMap('m', 'c', pool).elements;
  t.strictSame(
    changed.filter((element) => !elements.includes(element)).map(([key]) => key),
    [[17, 1]],
  );
});
