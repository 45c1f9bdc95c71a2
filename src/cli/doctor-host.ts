import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { execa } from 'execa';
import type { Host } from '../doctor/gather-facts.js';
import type { Environment } from './settings/environment.js';

/** The host that this process runs on. The PATH of a user may lack the directories of nft, ip and sshd. */
export function doctorHost({ PATH = '' }: Environment): Host {
  return {
    kernelRelease: release(),
    async run([file, ...args], input = '') {
      const { code, exitCode, stdout, stderr } = await execa(file, args, {
        input,
        reject: false,
        env: { LC_ALL: 'C', PATH: `${PATH}:/usr/sbin:/usr/bin:/sbin:/bin` },
        timeout: 30_000,
      });
      // Not started at all.
      return code === 'ENOENT' || code === 'EACCES' ? undefined : { exitCode: exitCode ?? -1, stdout, stderr };
    },
    async read(path) {
      try {
        return await readFile(path, 'utf8');
      } catch {
        // Not there, or not for this user: the check says that it does not know.
        return undefined;
      }
    },
    now: () => new Date(),
  };
}
