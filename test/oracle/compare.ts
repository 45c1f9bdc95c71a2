import { stringify } from 'yaml';
import { compileWorld, InvalidWorld } from './compile-world.js';
import { type Evaluation, packetEvaluator } from './evaluate-packet.js';
import type { Packet } from './packet.js';
import { type PacketKind, randomPackets } from './packets.js';
import { shrink } from './shrink.js';
import { tracer } from './trace.js';
import type { Trace } from './trace-walk.js';
import { randomWorld, type World } from './world.js';

/** A world and a packet about which evaluator and tracer do not agree, or that one of them could not handle. */
export interface Disagreement {
  readonly world: World;
  readonly packet?: Packet | undefined;
  readonly error?: Error | undefined;
}

/** Every verdict of a world that was asked for, for statistics and further comparison. */
export type Listener = (packet: Packet, trace: Trace) => void;

/** Compares evaluator and tracer on random packets. */
export function compare(seed: number, packets: number, listener?: Listener): Disagreement | undefined {
  const world = randomWorld(seed);
  return disagreement(world, randomPackets(world, packets, 'any'), listener);
}

export function disagreement(world: World, packets: readonly Packet[], listener?: Listener): Disagreement | undefined {
  try {
    const { policy, table, plain } = compileWorld(world);
    const evaluate = packetEvaluator(policy);
    const { trace } = tracer(table);
    const { trace: tracePlain } = tracer(plain);
    for (const packet of packets) {
      const traced = trace(packet);
      if (!isSame(evaluate(packet), traced, packet)) return { world, packet };
      if (!isAlike(tracePlain(packet), traced)) return { world, packet };
      listener?.(packet, traced);
    }
    return undefined;
  } catch (error) {
    // What no one foresaw is a finding like a wrong verdict.
    return { world, error: error instanceof Error ? error : new Error(String(error)) };
  }
}

function isSame(evaluated: Evaluation, traced: Trace, packet: Packet): boolean {
  const untracked = traced.state === 'untracked';
  return evaluated.verdict === traced.verdict && (packet.state === 'untracked' || evaluated.untracked === untracked);
}

/** The ways may differ, and nothing that somebody can see. */
function isAlike(plain: Trace, compiled: Trace): boolean {
  const isLogged = plain.logged.join('\n') === compiled.logged.join('\n');
  return (
    isLogged && plain.verdict === compiled.verdict && plain.mark === compiled.mark && plain.state === compiled.state
  );
}

/** The seed, the smallest world that still shows it (YAML), the packet, and how each came to its verdict. */
export function describeDisagreement(found: Disagreement, kind: PacketKind = 'any', count = 200): string {
  const packets = found.packet ? [found.packet] : randomPackets(found.world, count, kind);
  const smaller = shrink(found.world, (world) => {
    const again = disagreement(world, packets);
    return again !== undefined && sameCause(again, found);
  });
  const yaml = smaller.resources.map((resource) => stringify(resource)).join('---\n');
  return [`seed ${found.world.seed}`, yaml, ...explain(smaller, found)].join('\n');
}

/** While shrinking, worlds become invalid: that is no finding unless it was one from the start. */
function sameCause(again: Disagreement, found: Disagreement): boolean {
  if (again.error instanceof InvalidWorld) return found.error instanceof InvalidWorld;
  return (again.error === undefined) === (found.error === undefined);
}

function explain(world: World, { packet, error }: Disagreement): string[] {
  if (error || !packet) return [error?.stack ?? String(error)];
  const { policy, table, plain } = compileWorld(world);
  const evaluated = packetEvaluator(policy)(packet, true);
  return [
    `packet: ${JSON.stringify(packet)}`,
    `evaluator: ${evaluated.verdict}${evaluated.untracked ? ', untracked' : ''}`,
    ...evaluated.parts.flatMap(({ stages }) => stages.map((stage) => `  ${JSON.stringify(stage)}`)),
    ...describeTrace('compiled', tracer(table).trace(packet)),
    ...describeTrace('plain', tracer(plain).trace(packet)),
  ];
}

function describeTrace(shape: string, { verdict, state, logged, mark, steps }: Trace): string[] {
  const first = `tracer, ${shape}: ${verdict}, ${state}, mark ${mark}, logged ${JSON.stringify(logged)}`;
  return [first, ...steps.map((step) => `  ${step}`)];
}
