import { execa } from 'execa';
import type { ForeignChange, Watch } from './driver.js';
import { monitorLines } from './monitor-lines.js';
import type { OwnProcesses } from './own-processes.js';
import { LARGEST_PAGES, residentPages } from './resident-pages.js';

export interface NftMonitorOptions {
  readonly command: readonly [string, ...string[]];
  readonly table: string;
  readonly own: OwnProcesses;
  readonly listener: (change: ForeignChange) => void;
}

/** Milliseconds before the first restart; each further one waits twice as long. */
const FIRST_WAIT = 100;
const LONGEST_WAIT = 2_000;
/** A monitor that lived so long makes the waits start from the beginning. */
const STABLE = 10_000;
/** Until a new monitor certainly hears events; it doesn't tell when it begins to. */
const SETTLE = 500;

/**
 * Tells of commits to the table by other processes. When the monitor ends, or the kernel had more events than it could read,
 * events are lost: so it tells, restarts the monitor, and tells again once that listens, as after the first start, since of what
 * was in between nothing is known. Runs until it is stopped.
 */
export function nftMonitor({ command, table, own, listener }: NftMonitorOptions): Watch {
  const [file, ...args] = command;
  const stopped = new AbortController();
  const running = follow();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };

  async function follow(): Promise<void> {
    let wait = FIRST_WAIT;
    while (!stopped.signal.aborted) {
      const begin = Date.now();
      const settled = setTimeout(() => listener({ kind: 'lost' }), SETTLE);
      await runOnce();
      clearTimeout(settled);
      if (stopped.signal.aborted) return;
      listener({ kind: 'lost' });
      if (Date.now() - begin > STABLE) wait = FIRST_WAIT;
      await pause(wait, stopped.signal);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }

  /** Resolves when the monitor has ended, for whatever reason: the caller restarts it in any case. */
  async function runOnce(): Promise<void> {
    const child = execa(file, [...args, 'monitor'], {
      stdin: 'ignore',
      stderr: 'ignore',
      buffer: false,
      reject: false,
      env: { LC_ALL: 'C' },
      cancelSignal: stopped.signal,
    });
    const take = monitorLines(table, own.committed, (change) => {
      listener(change);
      // What it has lost is lost: the time to take back what it has grown by, with a million elements 200 MB.
      if (change.kind === 'lost') void residentPages(child.pid).then((pages) => pages > LARGEST_PAGES && child.kill());
    });
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', take);
    await child;
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener('abort', end);
  });
}
