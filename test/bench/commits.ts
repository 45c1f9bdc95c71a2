import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { checkout } from '../lab/checkout.js';
import { inNamespace } from '../lab/command.js';

/** An observer of the kernel that has nothing to do with Margay: when the ruleset of a namespace was changed. */
export interface Commits {
  /** Times of all commits since the last call of `clear`, in ms of `monotonicMs`. */
  readonly times: readonly number[];
  clear(): void;
  /** Resolves with the time of the last commit when there was one, and none for `quietMs` after that. */
  settled(quietMs: number, timeoutMs?: number): Promise<number>;
  stop(): Promise<void>;
}

/** The clock that `time.CLOCK_MONOTONIC` of Python is. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export async function observeCommits(namespace: string): Promise<Commits> {
  const script = join(checkout, 'test/bench/commits.py');
  const [command = '', ...args] = inNamespace(namespace, ['python3', script]);
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (!child.stdout) throw new Error('no output of the observer');
  const lines = createInterface({ input: child.stdout });
  const times: number[] = [];
  await once(lines, 'line', { signal: AbortSignal.timeout(10_000) });
  lines.on('line', (line) => times.push(Number(line.split(' ')[0]) / 1e6));
  return {
    times,
    clear: () => void times.splice(0),
    async settled(quietMs, timeoutMs = 60_000) {
      const deadline = monotonicMs() + timeoutMs;
      for (;;) {
        const last = times.at(-1);
        if (last !== undefined && monotonicMs() - last > quietMs) return last;
        if (monotonicMs() > deadline) throw new Error(`nothing was committed within ${timeoutMs} ms`);
        await pause(5);
      }
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill();
      await once(child, 'exit');
    },
  };
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
