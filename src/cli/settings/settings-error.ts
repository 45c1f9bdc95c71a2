/** A setting that can't be used, and where it was given. */
export interface SettingsIssue {
  /** `--log-level`, `MARGAY_LOG_LEVEL`, `/etc/margay/margay.yaml line 3`. */
  readonly source: string;
  readonly message: string;
}

/** All that is wrong with the settings; a usage error (exit status 2). */
export class SettingsError extends Error {
  constructor(readonly issues: readonly SettingsIssue[]) {
    super(issues.map(({ source, message }) => `${source}: ${message}`).join('\n'));
    this.name = 'SettingsError';
  }
}
