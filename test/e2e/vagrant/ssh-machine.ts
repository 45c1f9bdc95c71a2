import { createMachine, type Machine, run, succeed } from '../machine.js';
import { until } from '../until.js';

const CONNECTION = 'qemu:///system';
const BOOT_SECONDS = 300;

export interface VirtualMachine {
  readonly name: string;
  readonly address: string;
  /** What `vagrant ssh-config` says, with one connection for all commands. */
  readonly sshConfig: string;
}

/** A machine of Vagrant's, reached over its first interface: policy on the second can not cut that off. */
export function sshMachine({ name, address, sshConfig }: VirtualMachine): Machine {
  const ssh = (...args: readonly string[]) => ['ssh', '-q', '-F', sshConfig, ...args];
  const enter = (argv: readonly string[]) => ssh(name, '--', 'sudo', '-n', ...argv.map(quote));
  const domain = async () => {
    const names = await succeed(['virsh', '-q', '-c', CONNECTION, 'list', '--all', '--name']);
    const found = names.split('\n').find((candidate) => candidate.endsWith(`_${name}`));
    if (found === undefined) throw new Error(`libvirt has no machine ${name}`);
    return found;
  };
  const virsh = async (...args: readonly string[]) =>
    succeed(['virsh', '-q', '-c', CONNECTION, ...args, await domain()]);
  const start = async () => {
    // Of a machine that has gone, the shared connection would be waited for.
    await run(ssh('-O', 'exit', name));
    await virsh('start');
    await until(
      async () => (await run(enter(['systemctl', 'is-system-running', '--wait']), { seconds: 60 })).stdout,
      (state) => state === 'running' || state === 'degraded',
      `${name} has booted`,
      BOOT_SECONDS,
    );
  };
  return createMachine({
    name,
    address,
    slowness: 4,
    enter,
    // A warm reboot of an emulated processor takes minutes; a new process of it does not.
    reboot: async () => {
      await run(enter(['systemctl', 'poweroff']));
      const state = () => domain().then((found) => succeed(['virsh', '-q', '-c', CONNECTION, 'domstate', found]));
      await until(state, (text) => text.trim() === 'shut off', `${name} is off`, BOOT_SECONDS);
      await start();
    },
    powerCut: async () => {
      await virsh('destroy');
      await start();
    },
  });
}

/** For the shell at the other end. */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
