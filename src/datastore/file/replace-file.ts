import { randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { chmod, chown, link, open, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode, isMissing, look, versionOf } from './look.js';

/**
 * A file appears complete, or not at all: it is written under a hidden name, which readers of the directory pass over.
 */
export async function createFile(path: string, text: string): Promise<'created' | 'exists'> {
  const temporary = await written(path, text);
  try {
    // Unlike a rename it does not replace what somebody else has put there meanwhile.
    await link(temporary, path);
    return 'created';
  } catch (error) {
    const code = errorCode(error) ?? '';
    if (code === 'EEXIST') return 'exists';
    // A file system without hard links.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code)) throw error;
    if ((await look(path)).is !== 'gone') return 'exists';
    await rename(temporary, path);
    return 'created';
  } finally {
    await removeIfThere(temporary);
  }
}

/** Replaces the version of a file that was seen before; its mode stays, and its owner if may be. */
export async function replaceFile(path: string, seen: BigIntStats, text: string): Promise<'replaced' | 'changed'> {
  const temporary = await written(path, text);
  try {
    await chmod(temporary, Number(seen.mode) & 0o7777);
    await keepOwner(temporary, seen);
    if (!(await isStill(path, seen))) return 'changed';
    await rename(temporary, path);
    return 'replaced';
  } finally {
    await removeIfThere(temporary);
  }
}

/** Removes the version of a file that was seen before. */
export async function removeFile(path: string, seen: BigIntStats): Promise<'removed' | 'changed'> {
  if (!(await isStill(path, seen))) return 'changed';
  await unlink(path);
  return 'removed';
}

async function written(path: string, text: string): Promise<string> {
  const temporary = join(dirname(path), `.${basename(path).slice(0, 200)}.${randomBytes(6).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  return temporary;
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function keepOwner(path: string, { uid, gid }: BigIntStats): Promise<void> {
  const own = await stat(path, { bigint: true });
  if (own.uid === uid && own.gid === gid) return;
  try {
    await chown(path, Number(uid), Number(gid));
  } catch (error) {
    // Only root may give files away; then it belongs to who changed it.
    if (errorCode(error) !== 'EPERM') throw error;
  }
}

async function isStill(path: string, seen: BigIntStats): Promise<boolean> {
  try {
    return versionOf(await stat(path, { bigint: true })) === versionOf(seen);
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
