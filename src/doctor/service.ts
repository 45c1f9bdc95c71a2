import type { Check } from './finding.js';

/** The daemon, and whether systemd starts it. */
export const service: Check = ({ service: { enabled, active, daemon } }) => [
  daemonFinding(active, daemon),
  enabled === 'enabled'
    ? { result: 'ok', message: 'margay.service is enabled' }
    : {
        result: enabled === undefined ? 'unknown' : 'warning',
        message: enabled === undefined ? 'systemd does not answer' : `margay.service is ${enabled}`,
        advice: 'after a reboot nothing starts the daemon, unless you do: systemctl enable margay',
      },
];

function daemonFinding(active: string | undefined, daemon: { ready: boolean; degraded: boolean } | undefined) {
  if (daemon === undefined)
    return active === 'active' || active === 'activating' || active === 'failed'
      ? ({
          result: 'problem',
          message: `margay.service is ${active}, but no daemon answers`,
          advice: 'see journalctl -u margay',
        } as const)
      : ({ result: 'warning', message: 'no daemon is running', advice: 'systemctl start margay' } as const);
  if (!daemon.ready)
    return { result: 'problem', message: 'the daemon is not ready', advice: 'margay status says why' } as const;
  return daemon.degraded
    ? ({
        result: 'warning',
        message: 'the daemon is degraded',
        advice: 'margay status says which objects are wrong',
      } as const)
    : ({ result: 'ok', message: 'the daemon is ready' } as const);
}
