import { type Clock, systemClock } from './clock.js';
import { dampLosses, type LossDamper } from './damp-losses.js';
import { type InterfaceSession, openInterfaceSession } from './interface-session.js';
import type { InterfaceListener, InterfaceSource } from './interface-source.js';
import type { IpCommand } from './ip-command.js';
import { runIp } from './run-ip.js';

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 10_000;

export interface FollowInterfacesOptions {
  readonly ip?: IpCommand;
  readonly clock?: Clock;
  /** Everything is listed anew this often, in case that an event was missed (Felix: InterfaceRefreshInterval); 0 is never. */
  readonly refreshSeconds?: number;
}

/**
 * Follows the interfaces of this network namespace with the `ip` command. When that fails the last list stands, the listener is
 * told why, and it is tried again after 0.1 s, doubling to 10 s. Losses that last less than 100 ms are not told.
 */
export function followInterfaces(options: FollowInterfacesOptions = {}): InterfaceSource {
  const { ip = runIp(), clock = systemClock, refreshSeconds = 90 } = options;
  let session: InterfaceSession | undefined;
  let damper: LossDamper | undefined;
  let stopped = false;
  let broken = false;
  let delay = FIRST_DELAY_MS;
  let cancelRetry: (() => void) | undefined;
  let cancelRefresh: (() => void) | undefined;
  let cancelSteady: (() => void) | undefined;

  function connect(listener: InterfaceListener, losses: LossDamper): void {
    session = openInterfaceSession(ip, clock, {
      listed: (interfaces) => {
        losses.update(interfaces);
        if (broken) listener.problem(undefined);
        broken = false;
        // Only who works for a while may fail again as if for the first time.
        cancelSteady ??= clock.after(LONGEST_DELAY_MS, () => {
          delay = FIRST_DELAY_MS;
        });
      },
      failed: (reason) => {
        broken = true;
        listener.problem(reason);
        retry(() => connect(listener, losses));
      },
    });
  }

  function retry(again: () => void): void {
    if (stopped) return;
    cancelSteady?.();
    cancelSteady = undefined;
    const ended = session?.stop();
    cancelRetry = clock.after(delay, async () => {
      await ended;
      if (!stopped) again();
    });
    delay = Math.min(2 * delay, LONGEST_DELAY_MS);
  }

  function refreshRegularly(): void {
    cancelRefresh = clock.after(refreshSeconds * 1000, () => {
      session?.refresh();
      refreshRegularly();
    });
  }

  return {
    start: (listener) => {
      damper = dampLosses(clock, (interfaces) => listener.changed(interfaces));
      connect(listener, damper);
      if (refreshSeconds > 0) refreshRegularly();
    },
    stop: async () => {
      stopped = true;
      damper?.stop();
      for (const cancel of [cancelRetry, cancelRefresh, cancelSteady]) cancel?.();
      await session?.stop();
    },
  };
}
