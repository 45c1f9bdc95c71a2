import t from 'tap';
import { compare, describeDisagreement, disagreement } from '../oracle/compare.js';
import { randomPackets } from '../oracle/packets.js';
import { effort } from '../oracle/soak.js';
import { deepWorld } from '../oracle/world.js';

const { seed, worlds, packets } = effort({ seed: 1, worlds: 200, packets: 500 }, 2000);

t.test(`evaluator and tracer agree on ${worlds * packets} packets, from seed ${seed}`, async (t) => {
  const seen = new Map<string, number>();
  for (let world = seed; world < seed + worlds; world++) {
    const found = compare(world, packets, ({ path, state }, { verdict, steps }) => {
      const isByPort = steps.some((step) => step.startsWith('port-') && step.endsWith(` → ${verdict}`));
      for (const key of [`${path} ${state} ${verdict}`, ...(isByPort ? [`by port ${verdict}`] : [])])
        seen.set(key, (seen.get(key) ?? 0) + 1);
    });
    t.notOk(found && describeDisagreement(found), `world ${world}`);
    if (found) return;
  }
  // A generator that never gets this far would make the comparison worthless.
  if (worlds * packets < 100_000) return;
  for (const path of ['in', 'out', 'forward', 'loopback'])
    for (const verdict of ['accept', 'drop', 'reject'])
      t.ok(seen.get(`${path} new ${verdict}`), `new packets, ${path}, ${verdict}`);
  for (const verdict of ['accept', 'drop', 'reject'])
    t.ok((seen.get(`by port ${verdict}`) ?? 0) > worlds / 4, `behind a look-up by port, ${verdict}`);
});

t.test('they agree on long ways through tiers and profiles, which the kernel would take', async (t) => {
  const verdicts = new Set<string>();
  for (let number = 1; number <= 12; number++) {
    const world = deepWorld(number);
    const packets = randomPackets(world, 200, 'any');
    const found = disagreement(world, packets, (_, { verdict }) => verdicts.add(verdict));
    if (found) return t.fail(describeDisagreement(found));
  }
  t.strictSame([...verdicts].sort(), ['accept', 'drop', 'reject']);
});
