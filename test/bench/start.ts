import { type BenchData, type BenchNode, benchNode, untilInForce } from './bench-node.js';
import { monotonicMs, pause } from './commits.js';
import { LOCAL_WORKLOADS, REMOTE_WORKLOADS } from './data-set.js';
import { type Compared, type Figure, figure } from './figure.js';
import type { Section } from './section.js';

const FELIX: Readonly<Record<number, number>> = { 10: 0.64, 100: 0.79, 1000: 1.73 };

/** Once all is said to be in force: the observer must have seen the last commit by then. */
const QUIET_MS = 200;

export const start: Section = {
  name: 'start',
  help: 'from the start of the process to the last commit of its ruleset',
  needsRoot: true,
  async run({ quick }) {
    const figures: Figure[] = [];
    for (const policies of [1, 10, 100, 1000]) figures.push(...(await startWith(policies, 'host', quick ? 2 : 20)));
    for (const policies of [10, 100, 1000]) figures.push(...(await startWith(policies, 'cluster', quick ? 2 : 20)));
    return figures;
  },
};

async function startWith(policies: number, data: BenchData, repetitions: number): Promise<Figure[]> {
  const node = await benchNode(policies, data);
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
    const what = `${policies} policies${data === 'cluster' ? `, ${LOCAL_WORKLOADS + REMOTE_WORKLOADS} workloads` : ''}`;
    return [
      figure('start', `${what}: start to in force`, 's', cold, compared),
      figure('start', `${what}: restart to ready, with nothing to write`, 's', warm),
    ];
  } finally {
    await node.close();
  }
}

async function timedStart({ agent, commits }: BenchNode): Promise<number> {
  commits.clear();
  const began = monotonicMs();
  await agent.start();
  await untilInForce(agent);
  return ((await commits.settled(QUIET_MS)) - began) / 1000;
}

/** Everything is in the kernel already: a restart that writes anything is an error. */
async function timedRestart({ agent, commits }: BenchNode): Promise<number> {
  commits.clear();
  const began = monotonicMs();
  await agent.start();
  await untilInForce(agent);
  const seconds = (monotonicMs() - began) / 1000;
  await pause(QUIET_MS);
  if (commits.times.length > 0) throw new Error('a restart has changed the ruleset');
  return seconds;
}
