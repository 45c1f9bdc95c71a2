import type { Check } from './finding.js';

const CAP_NET_ADMIN = 1n << 12n;

/** Whether nf_tables may be used. */
export const permissions: Check = ({ capabilities }) => {
  if (capabilities === undefined)
    return [
      { result: 'unknown', message: 'the capabilities of this process are not known', advice: 'is /proc mounted?' },
    ];
  if (capabilities & CAP_NET_ADMIN) return [{ result: 'ok', message: 'CAP_NET_ADMIN' }];
  return [
    {
      result: 'unknown',
      message: 'without CAP_NET_ADMIN, what the kernel holds can not be seen',
      advice: 'run it as root: sudo margay doctor',
    },
  ];
};
