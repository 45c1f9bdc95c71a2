import type { Check } from './finding.js';

/** What protects the host between its start and that of the daemon. */
export const bootRuleset: Check = ({ boot: { unit, saved, loads } }) => {
  if (loads === 'saved ruleset')
    return [{ result: 'ok', message: 'the ruleset that was committed last is loaded before the network' }];
  if (loads === 'fallback')
    return [
      {
        result: 'problem',
        message: `the saved ruleset is ${saved}: the next boot lets only failsafe ports in until the daemon is ready`,
        advice: 'restart the daemon, which saves it anew: systemctl restart margay',
      },
    ];
  if (unit === 'not-found')
    return [
      {
        result: 'warning',
        message: 'there is no margay-boot.service: after a reboot there are no rules until the daemon has made them',
        advice: 'install the package',
      },
    ];
  return [
    {
      result: 'warning',
      message: 'after a reboot there are no rules until the daemon has made them',
      advice: saved === 'good' ? 'margay boot enable' : 'once the daemon is ready: margay boot enable',
    },
  ];
};
