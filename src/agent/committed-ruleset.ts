import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { syncDirectory } from './sync-directory.js';

/** The saved ruleset, or why there is none that may be loaded. */
export type CommittedRuleset =
  | { readonly ok: true; readonly text: string; readonly digest: string }
  | { readonly ok: false; readonly code: 'missing' | 'mismatch' | 'unreadable'; readonly message: string };

export interface SaveProblem {
  /** That of the file system, as `ENOSPC` or `EROFS`. */
  readonly code: string;
  readonly message: string;
}

const SCRIPT = 'ruleset.nft';
const DIGEST = 'ruleset.nft.sha256';
const CURRENT = 'ruleset.current';
const VERSION = /^ruleset\.[0-9a-f]{16}$/;

/**
 * Saves the ruleset that the kernel has, for the next boot: `ruleset.nft`, and `ruleset.nft.sha256` for `sha256sum -c` in that
 * directory. Both are links through `ruleset.current`, a link to a directory named by the digest, which holds the two files; it
 * is replaced in one rename when these are on disk. So at any moment, also after a crash, script and digest are either both
 * the old or both the new ones. The text comes in pieces, twice the same ones. One call at a time.
 */
export async function saveCommittedRuleset(
  directory: string,
  text: Iterable<string>,
): Promise<SaveProblem | undefined> {
  const digest = await digestInPieces(text);
  const version = `ruleset.${digest.slice(0, 16)}`;
  try {
    await mkdir(directory, { recursive: true });
    const saved = await readCommittedRuleset(directory);
    if (saved.ok && saved.digest === digest) return undefined;
    await writeVersion(join(directory, version), text, digest);
    await link(directory, version, CURRENT);
    for (const name of [SCRIPT, DIGEST]) await link(directory, join(CURRENT, name), name);
    await syncDirectory(directory);
    await removeVersions(directory, version);
    return undefined;
  } catch (error) {
    return problemOf(directory, error);
  }
}

/** Reads the saved ruleset and verifies it against its digest. */
export async function readCommittedRuleset(directory: string): Promise<CommittedRuleset> {
  let text: string;
  let expected: string;
  try {
    text = await readFile(join(directory, SCRIPT), 'utf8');
    expected = await readFile(join(directory, DIGEST), 'utf8');
  } catch (error) {
    const { code, message } = problemOf(directory, error);
    return { ok: false, code: code === 'ENOENT' ? 'missing' : 'unreadable', message };
  }
  const digest = digestOf(text);
  if (expected === digestLine(digest)) return { ok: true, text, digest };
  return {
    ok: false,
    code: 'mismatch',
    message: `${join(directory, SCRIPT)} does not match ${DIGEST}: it is not loaded`,
  };
}

/** Deletes the saved ruleset; that there is none is no problem. */
export async function removeCommittedRuleset(directory: string): Promise<SaveProblem | undefined> {
  try {
    // Without the digest nothing is loaded any more: first of all.
    for (const name of [DIGEST, SCRIPT, CURRENT]) await rm(join(directory, name), { force: true });
    await removeVersions(directory, undefined);
    return undefined;
  } catch (error) {
    const problem = problemOf(directory, error);
    return problem.code === 'ENOENT' ? undefined : problem;
  }
}

async function writeVersion(path: string, text: Iterable<string>, digest: string): Promise<void> {
  await mkdir(path, { recursive: true });
  await writeSynced(join(path, SCRIPT), text);
  await writeSynced(join(path, DIGEST), [digestLine(digest)]);
  await syncDirectory(path);
}

async function writeSynced(path: string, text: Iterable<string>): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    for (const piece of text) await file.appendFile(piece);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes `name` a link to `target`, in one step if there is one already. */
async function link(directory: string, target: string, name: string): Promise<void> {
  const path = join(directory, name);
  if ((await targetOf(path)) === target) return;
  const temporary = join(directory, `.${name}.tmp`);
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  await rename(temporary, path);
}

async function targetOf(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch {
    // None, or something else of that name, which the rename replaces.
    return undefined;
  }
}

async function removeVersions(directory: string, except: string | undefined): Promise<void> {
  for (const name of await readdir(directory)) {
    if (VERSION.test(name) && name !== except) await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** Others have their turn between the pieces. */
async function digestInPieces(text: Iterable<string>): Promise<string> {
  const hash = createHash('sha256');
  for (const piece of text) {
    hash.update(piece);
    await turn();
  }
  return hash.digest('hex');
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function digestLine(digest: string): string {
  return `${digest}  ${SCRIPT}\n`;
}

function problemOf(directory: string, error: unknown): SaveProblem {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
  const message = error instanceof Error ? error.message : String(error);
  return { code, message: `the saved ruleset in ${directory}: ${message}` };
}
