import { isUtf8 } from 'node:buffer';
import * as fs from 'node:fs';
import type { Issue } from '../../resources/resource.js';
import { errorCode, formatOf, ioIssue, isMissing, issueOf, versionOf } from './look.js';
import type { FileContent, Reader } from './reader.js';

/** No policy needs as much; more would stop the program for seconds. */
const MAX_BYTES = 64n * 1024n * 1024n;

export type Reading =
  /** `lasting`: the same bytes give the same content. Otherwise it could not be read, and is worth another try. */
  | { readonly is: 'content'; readonly content: FileContent; readonly lasting: boolean }
  /** It is not, or no longer, the version that was asked for. */
  | { readonly is: 'changed' };

/**
 * Reads a file, in the version that was seen before. At once: of small files on a file system that has just answered, the threads
 * of asynchronous calls would cost several times the reading itself.
 */
export function readObjectFile(path: string, seen: fs.BigIntStats, reader: Reader): Reading {
  if (seen.size > MAX_BYTES) return lasting(tooLarge(path));
  let file: number;
  try {
    // Not to be stopped by a pipe that took the place of the file.
    file = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    return isMissing(error) ? { is: 'changed' } : failed(path, error);
  }
  try {
    const bytes = readUpTo(file, Number(seen.size) + 1);
    const after = fs.fstatSync(file, { bigint: true });
    return versionOf(after) === versionOf(seen) ? lasting(contentOf(bytes, path, reader)) : { is: 'changed' };
  } catch (error) {
    return failed(path, error);
  } finally {
    fs.closeSync(file);
  }
}

function readUpTo(file: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let length = 0;
  for (let read = -1; read !== 0 && length < size - 1; length += read) {
    read = fs.readSync(file, bytes, length, size - length, null);
  }
  return bytes.subarray(0, length);
}

/** The content of a file of which nothing is known but why. */
export function unreadable(issue: Issue): FileContent {
  const at = issue.line === undefined ? {} : { line: issue.line };
  return { unreadable: true, objects: [], problems: [{ ...at, issue }] };
}

function lasting(content: FileContent): Reading {
  return { is: 'content', content, lasting: true };
}

function failed(path: string, error: unknown): Reading {
  return { is: 'content', content: unreadable(ioIssue(path, error)), lasting: false };
}

function tooLarge(path: string): FileContent {
  return unreadable(issueOf('too-large', `${path} is larger than ${MAX_BYTES} bytes`));
}

function contentOf(bytes: Buffer, path: string, reader: Reader): FileContent {
  if (!isUtf8(bytes)) return unreadable(issueOf('not-utf-8', `${path} is not UTF-8 text`));
  try {
    return reader(bytes.toString('utf8'), formatOf(path) ?? 'yaml', path);
  } catch (error) {
    // A document that the parser can't cope with (nested too deep, say) must not take the others down.
    const reason = error instanceof Error ? error.message : String(error);
    return unreadable(issueOf(errorCode(error) ?? 'unparseable', `${path} can't be parsed: ${reason}`));
  }
}
