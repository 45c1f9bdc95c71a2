import type { BigIntStats } from 'node:fs';
import { look } from './look.js';

/**
 * Tells a directory from every other one. Device and inode are not enough: of a tmpfs that is unmounted and another that is
 * mounted both are likely to be the same, so the time of its creation counts too, where the file system knows it.
 */
export async function directoryIdentity(stat: BigIntStats): Promise<string> {
  const numbers = `device ${stat.dev} inode ${stat.ino}`;
  return (await birthTimesAreReal()) && stat.birthtimeNs !== 0n
    ? `${numbers} created ${stat.birthtime.toISOString()}`
    : numbers;
}

let real: Promise<boolean> | undefined;

/** Without statx (a seccomp filter may refuse it) Node gives the time of the last change instead, also for /proc, which has none. */
function birthTimesAreReal(): Promise<boolean> {
  real ??= look('/proc').then((found) => found.is === 'directory' && found.stat.birthtimeNs === 0n);
  return real;
}
