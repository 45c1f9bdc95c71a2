import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { collectAtRest } from '../../src/cli/collect-at-rest.js';
import { collectGarbage } from '../../src/cli/collect-garbage.js';

t.test('a collection frees what nobody holds', async (t) => {
  const weak = new WeakRef(new Map([['a', 1]]));
  // What has been looked at stays until the turn ends.
  await pause(1);
  await collectGarbage();
  t.equal(weak.deref(), undefined);
});

t.test('one collection after the work, if there is enough to collect', async (t) => {
  let heap = 50e6;
  let collections = 0;
  const until = async (count: number) => {
    while (collections < count) await pause(5);
  };
  const collector = collectAtRest({
    restMs: 5,
    heapUsed: () => heap,
    collect: async () => {
      collections += 1;
      heap = 20e6;
    },
  });
  for (let i = 0; i < 3; i++) collector.worked();
  await until(1);
  t.equal(collections, 1, 'for three pieces of work');
  collector.worked();
  await pause(50);
  t.equal(collections, 1, 'there is nothing to collect');
  heap = 200e6;
  collector.worked();
  await pause(50);
  t.equal(collections, 1, 'it would take too long');
  heap = 30e6;
  collector.worked();
  collector.stop();
  await pause(50);
  t.equal(collections, 1, 'stopped');
  collector.worked();
  await until(2);
  t.equal(collections, 2);
});
