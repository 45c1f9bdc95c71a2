import type { Notify } from './sd-notify.js';

export interface WatchdogOptions {
  /** $WATCHDOG_USEC: the service manager kills who stays silent for so long. */
  readonly watchdogUsec: string | undefined;
  /** $WATCHDOG_PID: who is meant; a child inherits the variables, but not the duty. */
  readonly watchdogPid: string | undefined;
  readonly pid: number;
  /** False: no longer fed, so that the service is started anew. */
  readonly live: () => boolean;
  /** Until the first ruleset is in force; the time that systemd allows for the start is extended then. */
  readonly starting: () => boolean;
  readonly notify: Notify;
  /** Calls again and again until the function that it returns is called; a stand-in for tests. */
  readonly repeat?: (call: () => void, ms: number) => () => void;
}

/** Two messages may be lost, or come late, before it matters. */
const MESSAGES_PER_INTERVAL = 3;

/**
 * Feeds the service manager's watchdog as long as the loop that applies is alive. From the same event loop: one that hangs
 * feeds nothing. Returns how to stop it; nothing is done where the service manager does not watch this process.
 */
export function feedWatchdog(options: WatchdogOptions): () => void {
  const { watchdogUsec, watchdogPid, pid, live, starting, notify, repeat = repeatUnreferenced } = options;
  const microseconds = Number(watchdogUsec ?? 0);
  if (!(microseconds > 0) || (watchdogPid !== undefined && Number(watchdogPid) !== pid)) return () => undefined;
  const feed = (): void => {
    if (!live()) return;
    void notify('WATCHDOG=1', ...(starting() ? [`EXTEND_TIMEOUT_USEC=${microseconds}`] : []));
  };
  feed();
  return repeat(feed, microseconds / 1000 / MESSAGES_PER_INTERVAL);
}

function repeatUnreferenced(call: () => void, ms: number): () => void {
  const timer = setInterval(call, ms).unref();
  return () => clearInterval(timer);
}
