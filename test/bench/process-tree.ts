import { readdir, readFile } from 'node:fs/promises';
import { pause } from './commits.js';

/** What a process and all its descendants take. */
export interface Footprint {
  readonly residentMB: number;
  /** The highest that each of them had. */
  readonly peakMB: number;
  /** CPU time so far, of all threads. */
  readonly cpuMs: number;
  readonly processes: readonly string[];
}

export async function footprint(pid: number): Promise<Footprint> {
  const found = await Promise.all((await descendants(pid)).map((each) => unlessGone(one(each))));
  const each = found.filter((single) => single !== undefined);
  const sum = (of: (single: Awaited<ReturnType<typeof one>>) => number) =>
    each.reduce((all, next) => all + of(next), 0);
  return {
    residentMB: sum(({ residentMB }) => residentMB),
    peakMB: sum(({ peakMB }) => peakMB),
    cpuMs: sum(({ cpuMs }) => cpuMs),
    processes: each.map(({ name, residentMB }) => `${name} ${residentMB.toFixed(0)}`),
  };
}

/** Of one CPU, in the next seconds. */
export async function cpuPercent(pid: number, seconds: number): Promise<number> {
  const before = await footprint(pid);
  const began = performance.now();
  await pause(seconds * 1000);
  const after = await footprint(pid);
  return (100 * (after.cpuMs - before.cpuMs)) / (performance.now() - began);
}

async function descendants(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8')));
  const children = lists.flatMap((text) => text.split(' ').filter(Boolean).map(Number));
  return [
    pid,
    ...(await Promise.all(children.map((child) => unlessGone(descendants(child))))).flatMap((some) => some ?? []),
  ];
}

/** Children come and go meanwhile. */
async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}

async function one(pid: number) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string) => (Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]) * 1024) / 1e6;
  return {
    name: /^Name:\s+(.*)$/m.exec(status)?.[1] ?? '?',
    residentMB: megabytes('VmRSS'),
    peakMB: megabytes('VmHWM'),
    cpuMs: await cpuTime(pid),
  };
}

/** In ns, where the fields of `stat` count in ticks of 10 ms; children that have ended are in `stat` alone. */
async function cpuTime(pid: number): Promise<number> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(
    tasks.map(async (task) => Number((await readFile(`/proc/${pid}/task/${task}/schedstat`, 'utf8')).split(' ')[0])),
  );
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
  const ended = Number(fields[13]) + Number(fields[14]);
  return times.reduce((sum, ns) => sum + ns, 0) / 1e6 + ended * 10;
}
