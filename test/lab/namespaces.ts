import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inNamespace, systemPath } from './command.js';

/** Where iproute2 keeps them. */
export const NETNS = '/run/netns';
const OURS = /^margay-lab-(\d+)-/;

/** The namespaces of this process's n-th lab are called this and the name of the host; its directory begins with it as well. */
export function namespacePrefix(lab: number): string {
  return `margay-lab-${process.pid}-${lab}-`;
}

/** Removes the namespaces and directories of labs whose process was killed before it could. */
export function reapDeadLabs(): void {
  const isDead = (name: string) => {
    const pid = OURS.exec(name)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  };
  removeNamespaces(isDead);
  for (const name of readdirSync(tmpdir()).filter(isDead)) {
    try {
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
    } catch {
      // Another user's: that user's next lab removes it.
    }
  }
}

/** Kills the processes in the chosen namespaces and removes these. Synchronous: it must work while the process exits. */
export function removeNamespaces(chosen: (name: string) => boolean): void {
  const names = (existsSync(NETNS) ? readdirSync(NETNS) : []).filter((name) => OURS.test(name) && chosen(name));
  if (names.length === 0) return;
  killProcessesIn(new Set(names.map((name) => statSync(join(NETNS, name)).ino)));
  execFileSync('ip', ['-force', '-batch', '-'], {
    input: names.map((name) => `netns del ${name}\n`).join(''),
    env: { ...process.env, PATH: systemPath() },
    stdio: ['pipe', 'ignore', 'ignore'],
    timeout: 20_000,
  });
}

function killProcessesIn(inodes: ReadonlySet<number>): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const inode = /\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[1];
      if (inode !== undefined && inodes.has(Number(inode))) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended meanwhile, or belongs to somebody else and so is not in a namespace of ours.
    }
  }
}

/** Why no network can be made here, in words for whoever started it; undefined if it can. */
export function whyNoNamespaces(): string | undefined {
  try {
    const name = `margay-lab-${process.pid}-check`;
    const env = { ...process.env, PATH: systemPath() };
    const options = { env, stdio: ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe'], timeout: 20_000 };
    execFileSync('ip', ['netns', 'add', name], options);
    try {
      const [command = '', ...args] = inNamespace(name, ['nft', 'add table inet check']);
      execFileSync(command, args, options);
    } finally {
      execFileSync('ip', ['netns', 'del', name], options);
    }
    return undefined;
  } catch (error) {
    const { message, stderr } = error as Error & { stderr?: Buffer };
    return stderr?.toString().trim() || message;
  }
}
