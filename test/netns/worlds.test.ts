import t from 'tap';
import { stringify } from 'yaml';
import { evaluator } from '../../src/evaluate/evaluate.js';
import { compileWorld } from '../oracle/compile-world.js';
import { evaluatePacket } from '../oracle/evaluate-packet.js';
import { startKernel, whyNoKernel } from '../oracle/kernel.js';
import type { Packet } from '../oracle/packet.js';
import { randomPackets } from '../oracle/packets.js';
import { effort } from '../oracle/soak.js';
import { type Trace, tracer } from '../oracle/trace.js';
import { randomWorld } from '../oracle/world.js';

const { seed, worlds, packets: count } = effort({ seed: 1, worlds: 25, packets: 40 }, 500);
const reason = whyNoKernel();
const skip = reason === undefined ? false : reason;

t.test(`the kernel agrees with evaluator and tracer in ${worlds} worlds from seed ${seed}`, { skip }, async (t) => {
  const kernel = await startKernel();
  t.teardown(() => kernel.close());
  const seen = new Map<string, number>();
  for (let number = seed; number < seed + worlds; number++) {
    const world = randomWorld(number);
    const packets = randomPackets(world, count, 'kernel');
    const { policy, table } = compileWorld(world);
    const evaluate = evaluator(policy);
    const { trace } = tracer(table);
    const events = await kernel.send(table, packets);
    for (const [index, packet] of packets.entries()) {
      const traced = trace(packet);
      const found = [
        ...differences(packet, traced, events[index] ?? []),
        ...(evaluatePacket(evaluate, packet).verdict === traced.verdict ? [] : ['evaluator and tracer do not agree']),
      ];
      if (found.length > 0) return t.fail(report(number, packet, traced, found));
      seen.set(`${packet.path} ${traced.verdict}`, (seen.get(`${packet.path} ${traced.verdict}`) ?? 0) + 1);
    }
  }
  t.pass(`${worlds} worlds`);
  if (worlds * count < 1000) return;
  for (const path of ['in', 'out', 'forward', 'loopback'])
    for (const verdict of ['accept', 'drop']) t.ok(seen.get(`${path} ${verdict}`), `${path} ${verdict}`);
});

const STATE = 'state ';

/** What the kernel did otherwise, and where it saw another packet than the test meant to send. */
function differences(packet: Packet, traced: Trace, events: readonly string[]): string[] {
  const state = events.find((event) => event.startsWith(STATE))?.slice(STATE.length);
  const passed = events.filter((event) => !event.startsWith(STATE) && event !== 'lo');
  const untracked = traced.state === 'untracked' && state === 'untracked';
  return [
    ...(passed.join() === traced.passed.join() ? [] : [`the kernel let it pass ${passed.join(', ') || 'no hook'}`]),
    ...(state === undefined || state === packet.state || untracked ? [] : [`connection tracking says ${state}`]),
  ];
}

function report(seed: number, packet: Packet, traced: Trace, found: readonly string[]): string {
  const yaml = randomWorld(seed).resources.map((resource) => stringify(resource));
  return [
    `seed ${seed}`,
    yaml.join('---\n'),
    `packet: ${JSON.stringify(packet)}`,
    ...found,
    `tracer: ${traced.verdict}, passed ${traced.passed.join(', ')}`,
    ...traced.steps.map((step) => `  ${step}`),
  ].join('\n');
}
