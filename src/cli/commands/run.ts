import { setFlagsFromString } from 'node:v8';
import type { Io } from '../io.js';
import type { Settings } from '../settings/settings.js';
import { SettingsError } from '../settings/settings-error.js';

export interface RunOptions {
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly interfaces: string;
  /** Reads the settings again, for SIGHUP. */
  readonly reload: () => Promise<Settings>;
}

/** `margay run`: the daemon, in the foreground. SIGTERM and SIGINT end it, with its rules in force; SIGHUP reads the settings again. */
export async function run(settings: Settings, options: RunOptions, io: Io): Promise<number> {
  if (options.dryRun) {
    const { render } = await import('./render.js');
    return render(settings, options, io);
  }
  // Else V8 keeps 30 MB more for new objects once the first reading of the datastore has made many. No slower, as measured.
  setFlagsFromString('--semi-space-growth-factor=1');
  const signals = signalQueue();
  const { startDaemon } = await import('../daemon.js');
  let current = settings;
  try {
    let daemon = await startDaemon(current, io);
    for (;;) {
      const signal = await signals.next();
      const next = signal === 'SIGHUP' ? await reloaded(current, options.reload, daemon.log) : current;
      await daemon.stop(signal);
      if (signal !== 'SIGHUP') return 0;
      try {
        daemon = await startDaemon(next, io);
        current = next;
      } catch (err) {
        daemon.log.error({ err }, 'the daemon does not start with the new settings; those from before stay');
        daemon = await startDaemon(current, io);
      }
    }
  } finally {
    signals.close();
  }
}

/** Settings that can't be used must not stop a firewall: it goes on with the old ones. */
async function reloaded(
  current: Settings,
  reload: () => Promise<Settings>,
  log: { error(fields: object, message: string): void },
): Promise<Settings> {
  try {
    return await reload();
  } catch (err) {
    const issues = err instanceof SettingsError ? err.issues : undefined;
    log.error({ err, issues }, 'the settings can not be used; those from before stay');
    return current;
  }
}

type Signal = (typeof SIGNALS)[number];
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Signals in their order, also those that come while the daemon starts or stops: nothing may end it half way. */
function signalQueue(): { next(): Promise<Signal>; close(): void } {
  const received: Signal[] = [];
  let wake = (): void => undefined;
  const receive = (signal: NodeJS.Signals): void => {
    received.push(signal as Signal);
    wake();
  };
  for (const signal of SIGNALS) process.on(signal, receive);
  return {
    async next() {
      for (;;) {
        const signal = received.shift();
        if (signal) return signal;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    close: () => {
      for (const signal of SIGNALS) process.off(signal, receive);
    },
  };
}
