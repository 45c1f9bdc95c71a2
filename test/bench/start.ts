import { benchNode } from './bench-node.js';
import { monotonicMs } from './commits.js';
import { type Compared, type Figure, figure } from './figure.js';
import type { Section } from './section.js';

const FELIX: Readonly<Record<number, number>> = { 10: 0.64, 100: 0.79, 1000: 1.73 };

/** The last commit of a start is when nothing was committed for so long after it. */
const QUIET_MS = 1500;

export const start: Section = {
  name: 'start',
  help: 'from the start of the process to the last commit of its ruleset',
  needsRoot: true,
  async run({ quick }) {
    const figures: Figure[] = [];
    for (const policies of [10, 100, 1000]) figures.push(...(await startWith(policies, quick ? 2 : 20)));
    return figures;
  },
};

async function startWith(policies: number, repetitions: number): Promise<Figure[]> {
  const node = await benchNode(policies);
  try {
    const cold: number[] = [];
    const warm: number[] = [];
    for (let run = 0; run < repetitions; run++) {
      await node.reset();
      cold.push(await timedStart(node));
      await node.agent.stop();
      warm.push(await timedRestart(node));
      await node.agent.stop();
    }
    const felix = FELIX[policies];
    const compared: Compared = felix === undefined ? {} : { felix, goal: felix };
    return [
      figure('start', `${policies} policies: start to in force`, 's', cold, compared),
      figure('start', `${policies} policies: restart to ready, nothing written`, 's', warm),
    ];
  } finally {
    await node.close();
  }
}

async function timedStart({ agent, commits }: Awaited<ReturnType<typeof benchNode>>): Promise<number> {
  commits.clear();
  const began = monotonicMs();
  await agent.start();
  await agent.status({ waitSeconds: 60 }).catch(() => undefined);
  return ((await commits.settled(QUIET_MS)) - began) / 1000;
}

/** Seconds until it is ready; throws if it wrote anything, for everything was in the kernel already. */
async function timedRestart({ agent, commits }: Awaited<ReturnType<typeof benchNode>>): Promise<number> {
  commits.clear();
  const began = monotonicMs();
  await agent.start();
  while (!/"datastore is in sync"/.test(agent.log())) await new Promise((resolve) => setTimeout(resolve, 2));
  await readyIn(agent);
  const seconds = (monotonicMs() - began) / 1000;
  if (commits.times.length > 0) throw new Error('a restart has changed the ruleset');
  return seconds;
}
