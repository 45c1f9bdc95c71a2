import type { Check } from './finding.js';

const TCP = 6;

/** Whether a mistake in policy could lock out who comes by ssh. */
export const sshFailsafe: Check = ({ sshPorts, policy }) => {
  if (sshPorts === undefined)
    return [
      {
        result: 'unknown',
        message: 'the port of sshd is not known',
        advice: 'run it as root, with sshd running; failsafe ports must have its port',
      },
    ];
  if ('unknown' in policy)
    return [
      {
        result: 'unknown',
        message: `the failsafe ports are not known: ${policy.unknown}`,
        advice: `see that they have ${portList(sshPorts)}`,
      },
    ];
  return sshPorts.map((port) => {
    const open = policy.failsafeInbound.filter((each) => each.protocol === TCP && each.port === port);
    if (open.some(({ net }) => net === undefined))
      return { result: 'ok', message: `sshd's port ${port} is a failsafe port` };
    if (open.length > 0)
      return {
        result: 'warning',
        message: `sshd's port ${port} is a failsafe port for ${open.map(({ net }) => net).join(', ')} only`,
        advice: 'make sure that you come from there',
      };
    return {
      result: policy.hostEndpoints > 0 ? 'problem' : 'warning',
      message: `sshd listens on port ${port}, which is no failsafe port: policy can lock you out`,
      advice: `add tcp ${port} to failsafeInboundHostPorts of a FelixConfiguration; the list replaces the built-in one`,
    };
  });
};

function portList(ports: readonly number[]): string {
  return ports.map((port) => `tcp ${port}`).join(', ');
}
