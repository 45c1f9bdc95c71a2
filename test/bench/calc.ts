import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { CaseResult } from './calc-case.js';
import { type Compared, type Figure, figure } from './figure.js';
import type { Section } from './section.js';

interface Case {
  readonly name: string;
  readonly what: string;
  readonly time: Compared;
  readonly heap: Compared;
}

/** Felix's own benchmarks of its calculation, with the figures that they gave. The goal is half of its time in no more memory. */
const CASES: readonly Case[] = [
  {
    name: 'labels-250000-10000',
    what: '250 000 endpoints, 10 000 policies by label',
    time: { felix: 5.9, goal: 2.95 },
    heap: { felix: 283, goal: 283 },
  },
  {
    name: 'sets-10000-1000',
    what: '10 000 endpoints, 1000 network sets and policies',
    time: { felix: 0.79, goal: 0.395 },
    heap: { felix: 98, goal: 98 },
  },
  {
    name: 'sets-10000-10000',
    what: '10 000 endpoints, 10 000 network sets and policies',
    time: { felix: 9.9, goal: 4.95 },
    heap: { felix: 792, goal: 792 },
  },
];

const QUICK: readonly Case[] = [
  { name: 'labels-2500-1000', what: '2500 endpoints, 1000 policies by label', time: {}, heap: {} },
  { name: 'sets-1000-100', what: '1000 endpoints, 100 network sets and policies', time: {}, heap: {} },
];

export const calc: Section = {
  name: 'calc',
  help: 'policy calculation, as Felix benchmarks it: from the first resource to the first host policy',
  needsRoot: false,
  async run({ quick }) {
    const figures: Figure[] = [];
    for (const { name, what, time, heap } of quick ? QUICK : CASES) {
      const results: CaseResult[] = [];
      for (let run = 0; run < (quick ? 1 : 3); run++) results.push(await inOwnProcess(name));
      figures.push(
        figure(
          'calc',
          what,
          's',
          results.map(({ seconds }) => seconds),
          time,
        ),
        figure(
          'calc',
          `${what}: heap`,
          'MB',
          results.map(({ heapMB }) => heapMB),
          heap,
        ),
      );
    }
    return figures;
  },
};

async function inOwnProcess(name: string): Promise<CaseResult> {
  const script = fileURLToPath(new URL('main.ts', import.meta.url));
  const { stdout } = await execa(process.execPath, [...process.execArgv, '--expose-gc', script, '--case', name]);
  return JSON.parse(stdout) as CaseResult;
}
