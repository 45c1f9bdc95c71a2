/** What is asked of systemd; it rejects with an error for operators. */
export interface Systemctl {
  /** `enabled`, `disabled`, `not-found` and more, as `systemctl is-enabled` says; `unknown` without systemd. */
  isEnabled(unit: string): Promise<string>;
  enable(unit: string): Promise<void>;
  disable(unit: string): Promise<void>;
}

/** The unit that loads the saved ruleset at boot. */
export const BOOT_UNIT = 'margay-boot.service';

/** By way of the command, which also works where systemd is installed and does not run. */
export function systemctlCommand(): Systemctl {
  const run = async (...args: readonly string[]) => {
    const { execa } = await import('execa');
    const { stdout, stderr, exitCode } = await execa('systemctl', args, {
      reject: false,
      stdin: 'ignore',
      env: { LC_ALL: 'C' },
      timeout: 30_000,
    });
    return { said: stdout.trim(), complaint: stderr.trim(), exitCode };
  };
  const change = async (verb: 'enable' | 'disable', unit: string): Promise<void> => {
    const { complaint, exitCode } = await run(verb, unit);
    if (exitCode === 0) return;
    throw new Error(`systemctl ${verb} ${unit} failed: ${complaint || 'is systemd installed?'}`);
  };
  return {
    async isEnabled(unit) {
      const { said, complaint } = await run('is-enabled', unit);
      if (said) return said.split('\n', 1)[0] ?? 'unknown';
      return /No such file or directory|not be found|does not exist/.test(complaint) ? 'not-found' : 'unknown';
    },
    enable: (unit) => change('enable', unit),
    disable: (unit) => change('disable', unit),
  };
}

/** Whether the unit would be started at boot. */
export function isOn(enabled: string): boolean {
  return enabled === 'enabled' || enabled === 'enabled-runtime';
}
