import type { Io } from '../io.js';
import type { Settings } from '../settings.js';
import { SettingsError } from '../settings-error.js';

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
  const { startDaemon } = await import('../daemon.js');
  let current = settings;
  for (;;) {
    const daemon = await startDaemon(current, io);
    const signal = await nextSignal();
    if (signal !== 'SIGHUP') {
      await daemon.stop(signal);
      return 0;
    }
    current = await reloaded(current, options.reload, daemon.log);
    await daemon.stop(signal);
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

type Signal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

function nextSignal(): Promise<Signal> {
  return new Promise((resolve) => {
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
    const received = (signal: NodeJS.Signals) => {
      for (const each of signals) process.off(each, received);
      resolve(signal as Signal);
    };
    for (const each of signals) process.on(each, received);
  });
}
