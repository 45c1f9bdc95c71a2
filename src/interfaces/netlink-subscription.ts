import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 2;
const GIVE_UP_MS = 1000;

/**
 * Resolves when a process follows events of rtnetlink: what changes between a listing and that moment would go unnoticed.
 * Also resolves when it has ended, or after a second: where /proc does not tell, it will have come that far by then.
 */
export async function untilSubscribed(pid: number, hasEnded: () => boolean): Promise<void> {
  const start = performance.now();
  while (!hasEnded() && performance.now() - start < GIVE_UP_MS) {
    if (await isSubscribed(pid)) return;
    await pause(POLL_MS);
  }
}

async function isSubscribed(pid: number): Promise<boolean> {
  let table: string;
  try {
    table = await readFile(`/proc/${pid}/net/netlink`, 'utf8');
  } catch {
    // The process is gone or /proc is hidden: both end by the conditions above.
    return false;
  }
  return table.split('\n').some((line) => {
    const [, protocol, port, groups] = line.trim().split(/\s+/);
    return protocol === '0' && port === String(pid) && groups !== undefined && /[1-9a-f]/.test(groups);
  });
}
