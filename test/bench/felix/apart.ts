import { join } from 'node:path';
import { execa } from 'execa';
import { checkout } from '../../lab/checkout.js';
import { etcdMissing } from '../../lab/etcd.js';
import { bundled } from '../bundled.js';
import type { Comparison } from './comparison.js';

/** The longest that it may take, whatever hangs. */
const RUN_MS = 60 * 60_000;

/**
 * With a network of its own, where etcd is; with the same priority for all in it, so that other work delays them little. Not
 * `--fifo`: threads of Felix wait for each other in loops, which then never give way.
 */
const APART = ['--pdeathsig', 'TERM', '--', 'unshare', '--net', 'chrt', '--rr', '1'];

/** The comparison in a process and a network namespace of its own. */
export async function compareApart(quick: boolean): Promise<Comparison[]> {
  const reason = process.getuid?.() === 0 ? etcdMissing() : '--felix needs root';
  if (reason !== undefined) throw new Error(reason);
  const script = await bundled('felix/compare-case.ts', join(checkout, 'dist/bench/compare.mjs'));
  const argv = [...APART, process.execPath, script, ...(quick ? ['--quick'] : [])];
  const { stdout } = await execa('setpriv', argv, { stdio: ['ignore', 'pipe', 'inherit'], timeout: RUN_MS });
  return JSON.parse(stdout) as Comparison[];
}
