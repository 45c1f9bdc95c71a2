import { type BenchData, type BenchNode, benchNode, untilInForce } from './bench-node.js';
import { pause } from './commits.js';
import { LOCAL_WORKLOADS, REMOTE_WORKLOADS } from './data-set.js';
import { type Figure, figure } from './figure.js';
import { cpuPercent, footprint } from './process-tree.js';
import type { Section } from './section.js';

const POLICIES = [10, 100, 1000] as const;
const DATA: readonly BenchData[] = ['host', 'cluster'];
const FELIX = {
  10: { memory: 83, peak: 88, cpu: 1.3 },
  100: { memory: 88, peak: 93, cpu: 1.4 },
  1000: { memory: 107, peak: 120, cpu: 1.5 },
};
const MEMORY_GOAL_MB = 95;
const CPU_GOAL_PERCENT = 0.3;

/** A start has garbage and work of its own. */
const SETTLE_MS = 5000;

export const memory: Section = {
  name: 'memory',
  help: 'resident memory of the daemon and its children, after the start and at the most',
  needsRoot: true,
  run: ({ quick }) => forEachSize(memoryOf, quick ? 1 : 5),
};

export const idle: Section = {
  name: 'idle',
  help: 'CPU time of the daemon and its children while nothing changes',
  needsRoot: true,
  // The full check of the table comes every 90 s: a longer time has one.
  run: ({ quick }) => forEachSize((node, policies, what) => idleOf(node, policies, what, quick ? 10 : 100), 1),
};

type Size = (typeof POLICIES)[number];
type Measure = (node: BenchNode, policies: Size, what: string) => Promise<readonly Figure[]>;

/** Each repetition is a process of its own; figures of the same name become one. */
async function forEachSize(measure: Measure, repetitions: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [policies, data] of DATA.flatMap((data) => POLICIES.map((policies) => [policies, data] as const))) {
    const node = await benchNode(policies, data);
    const what = `${policies} policies${data === 'cluster' ? `, ${LOCAL_WORKLOADS + REMOTE_WORKLOADS} workloads` : ''}`;
    const measured: Figure[] = [];
    try {
      for (let run = 0; run < repetitions; run++) {
        await node.reset();
        await node.agent.start();
        await untilInForce(node.agent);
        await pause(SETTLE_MS);
        measured.push(...(await measure(node, policies, what)));
        await node.agent.stop();
      }
    } finally {
      await node.close();
    }
    for (const what of new Set(measured.map((one) => one.what))) {
      const same = measured.filter((one) => one.what === what);
      const [first] = same;
      if (!first) continue;
      const { section, unit, value: _, n: __, ...compared } = first;
      figures.push(
        figure(
          section,
          what,
          unit,
          same.map(({ value }) => value),
          compared,
        ),
      );
    }
  }
  return figures;
}

async function memoryOf({ agent }: BenchNode, policies: Size, what: string): Promise<Figure[]> {
  const { residentMB, peakMB, processes } = await footprint(pidOf(agent.pid()));
  const felix = FELIX[policies];
  const compared = { felix: felix.memory, goal: MEMORY_GOAL_MB, note: processes.join(', ') };
  return [
    figure('memory', `${what}: resident`, 'MB', [residentMB], compared),
    figure('memory', `${what}: peak`, 'MB', [peakMB], { felix: felix.peak }),
  ];
}

async function idleOf({ agent }: BenchNode, policies: Size, what: string, seconds: number): Promise<Figure[]> {
  const percent = await cpuPercent(pidOf(agent.pid()), seconds);
  const compared = { felix: FELIX[policies].cpu, goal: CPU_GOAL_PERCENT, note: `${seconds} s` };
  return [figure('idle', what, '%', [percent], compared)];
}

function pidOf(pid: number | undefined): number {
  if (pid === undefined) throw new Error('the daemon does not run');
  return pid;
}
