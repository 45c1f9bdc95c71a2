import * as fs from 'node:fs';
import { extname } from 'node:path';
import { promisify } from 'node:util';
import type { Issue } from '../../resources/resource.js';
import type { Format } from './reader.js';

// Half the time of node:fs/promises.
const [lstat, stat] = [promisify(fs.lstat), promisify(fs.stat)];

/** What is at a path at the moment, links followed. */
export type Look =
  | { readonly is: 'file'; readonly stat: fs.BigIntStats }
  | { readonly is: 'directory'; readonly stat: fs.BigIntStats }
  | { readonly is: 'unreadable'; readonly issue: Issue }
  | { readonly is: 'gone' };

/** Looks at a path; whatever the answer of the file system is, it becomes a value. */
export async function look(path: string): Promise<Look> {
  try {
    const found = await stat(path, { bigint: true });
    if (found.isFile()) return { is: 'file', stat: found };
    if (found.isDirectory()) return { is: 'directory', stat: found };
    // Opening a pipe or a device can block or have effects.
    return { is: 'unreadable', issue: issueOf('not-a-file', `${path} is not a regular file`) };
  } catch (error) {
    if (!isMissing(error)) return { is: 'unreadable', issue: ioIssue(path, error) };
    return (await isLink(path))
      ? { is: 'unreadable', issue: issueOf('broken-link', `${path} is a link to something that does not exist`) }
      : { is: 'gone' };
  }
}

/** Device and inode: two looks at the same file or directory give the same text, whatever its name is. */
export function identityOf(stat: fs.BigIntStats): string {
  return `${stat.dev}:${stat.ino}`;
}

/** Changes whenever a file may have been replaced or written to. It begins with the identity and a blank. */
export function versionOf(stat: fs.BigIntStats): string {
  // Joined, not interpolated: V8 would keep all the parts.
  return [identityOf(stat), stat.size, stat.mtimeNs, stat.ctimeNs].join(' ');
}

/** What can't be read, in words for the operator. `code` is the file system's (`EACCES`). */
export function ioIssue(path: string, error: unknown): Issue {
  return issueOf(
    errorCode(error) ?? 'unreadable',
    `${path} can't be read: ${error instanceof Error ? error.message : error}`,
  );
}

/** `ENOENT` and the like. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function isMissing(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

export function issueOf(code: string, message: string): Issue {
  return { path: '', code, message };
}

/** The format of a file with resources by its name, undefined for any other file. */
export function formatOf(path: string): Format | undefined {
  const extension = extname(path);
  if (extension === '.json') return 'json';
  return extension === '.yaml' || extension === '.yml' ? 'yaml' : undefined;
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch {
    // Gone in between, or its directory is: not there either way.
    return false;
  }
}
