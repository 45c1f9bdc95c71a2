import type { Check } from './finding.js';

const DAY_MS = 86_400_000;

/** The clock: certificates and times in logs depend on it. */
export const clock: Check = ({ now, savedAt, clockSynchronized }) => {
  if (savedAt && savedAt.getTime() - now.getTime() > DAY_MS)
    return [
      {
        result: 'problem',
        message: `the clock says ${now.toISOString()}, and the ruleset was saved at ${savedAt.toISOString()}`,
        advice: 'set the clock: certificates of datastores may count as not valid yet',
      },
    ];
  if (clockSynchronized === undefined)
    return [
      { result: 'unknown', message: 'whether the clock is synchronised is not known', advice: 'see timedatectl' },
    ];
  if (!clockSynchronized)
    return [
      {
        result: 'warning',
        message: 'the clock is not synchronised',
        advice: 'timedatectl set-ntp true, or see to it otherwise',
      },
    ];
  return [{ result: 'ok', message: 'the clock is synchronised' }];
};
