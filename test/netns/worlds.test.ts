import t from 'tap';
import { stringify } from 'yaml';
import { kernelTable } from '../../src/nft/kernel-table.js';
import { nftCommand } from '../../src/nft/nft-command.js';
import type { HostPolicy } from '../../src/policy/host-policy.js';
import { TABLE } from '../../src/ruleset/render.js';
import { compileWorld } from '../oracle/compile-world.js';
import { packetEvaluator } from '../oracle/evaluate-packet.js';
import { startKernel, whyNoKernel } from '../oracle/kernel.js';
import type { Packet } from '../oracle/packet.js';
import { randomPackets } from '../oracle/packets.js';
import { effort } from '../oracle/soak.js';
import { tracer } from '../oracle/trace.js';
import type { Trace } from '../oracle/trace-walk.js';
import { randomWorld } from '../oracle/world.js';

const { seed, worlds, packets: count } = effort({ seed: 1, worlds: 25, packets: 40 }, 500);
const reason = whyNoKernel();
const skip = reason === undefined ? false : reason;

t.test(`the kernel agrees with evaluator and tracer in ${worlds} worlds from seed ${seed}`, { skip }, async (t) => {
  const kernel = await startKernel();
  t.teardown(() => kernel.close());
  const tables = [true, false].map((session) => {
    const driver = nftCommand({ command: kernel.command, session });
    t.teardown(() => driver.close());
    return { name: driver.name, table: kernelTable(driver, TABLE) };
  });
  const seen = new Map<string, number>();
  for (let number = seed; number < seed + worlds; number++) {
    const world = randomWorld(number);
    const packets = randomPackets(world, count, 'kernel');
    const { policy, table, plain } = compileWorld(world);
    // Each way to the kernel with each shape; both change what was there before, the world of the other one.
    const driver = tables[number % 2];
    const [shape, before, after] = number % 4 < 2 ? ['compiled', plain, table] : ['plain', table, plain];
    driver?.table.forget();
    await driver?.table.sync(before);
    await driver?.table.sync(after);
    const differing = (await driver?.table.audit(after)) ?? [];
    if (differing.length > 0) return t.fail(`world ${number}, ${driver?.name}, ${shape}: ${differing.join(', ')}`);
    const evaluate = packetEvaluator(policy);
    const { trace } = tracer(after);
    const events = await kernel.send(packets);
    let agreed = 0;
    for (const [index, packet] of packets.entries()) {
      const traced = trace(packet);
      const found = [
        ...differences(packet, traced, events[index] ?? []),
        ...(evaluate(packet).verdict === traced.verdict ? [] : ['evaluator and tracer do not agree']),
      ];
      if (found.length > 0) return t.fail(report(number, packet, traced, found));
      const ways = [
        `${packet.path} ${traced.verdict}`,
        ...translations(packet, traced, policy),
        ...(isByPort(traced) ? [`by port, ${driver?.name}`] : []),
      ];
      for (const way of ways) seen.set(way, (seen.get(way) ?? 0) + 1);
      agreed += 1;
    }
    t.equal(agreed, packets.length, `world ${number}`);
  }
  if (worlds * count < 1000) return;
  for (const path of ['in', 'out', 'forward', 'loopback'])
    for (const verdict of ['accept', 'drop']) t.ok(seen.get(`${path} ${verdict}`), `${path} ${verdict}`);
  for (const way of ['ipNATs', 'ipNATs, to itself', 'by port, nft', 'by port, nft-spawn']) t.ok(seen.get(way), way);
});

/** Whether a look-up by port led anywhere. */
function isByPort({ steps }: Trace): boolean {
  return steps.some((step) => step.includes(', by port → '));
}

/** What ipNATs made of a packet that came through. */
function translations({ source, destination, state }: Packet, { passed }: Trace, { nats }: HostPolicy): string[] {
  const last = passed.at(-1) ?? '';
  if (state !== 'new' || !last.startsWith('postrouting ')) return [];
  const [, from, , to] = last.split(' ');
  const isOwn = nats.some(({ external, internal }) => external === destination && internal === to);
  return isOwn ? ['ipNATs', ...(from === source ? [] : ['ipNATs, to itself'])] : [];
}

const STATE = 'state ';

/** What the kernel did otherwise, with which addresses, and where it saw another packet than the test meant to send. */
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
