import { type FileHandle, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import * as z from 'zod';
import type { Origin } from '../datastore/source.js';
import type { Resource } from '../resources/kinds.js';
import { keyText, type ObjectKey } from '../resources/resource.js';
import { syncDirectory } from './sync-directory.js';

/** The last valid version of an object, and where it came from. */
export interface JournalEntry {
  readonly key: ObjectKey;
  readonly origin: Origin;
  readonly resource: Resource;
}

/** An entry of before the restart. Most are as they are in the datastore, and need no validation of their own. */
export interface RestoredEntry extends Pick<JournalEntry, 'key' | 'origin'> {
  readonly written: unknown;
  /** The resource; undefined if it is not valid any more. */
  revived(): Resource | undefined;
}

export type JournalChange = { readonly put: JournalEntry } | { readonly drop: ObjectKey };

/** What is wrong with the journal. Policy goes on without it; a restart may then lose the last valid version of an object. */
export interface JournalProblem {
  /** That of the file system (`ENOSPC`), or `corrupt`. */
  readonly code: string;
  readonly message: string;
  /** In the journal, from 1. */
  readonly line?: number;
}

/** `objects.jsonl` in the state directory. No call throws; calls are carried out in their order. */
export interface ObjectJournal {
  load(): Promise<{ readonly entries: RestoredEntry[]; readonly problems: JournalProblem[] }>;
  /** On disk when it resolves, or a problem. */
  append(changes: readonly JournalChange[]): Promise<JournalProblem | undefined>;
  /** Writes it anew with what is current at the call. A crash leaves the old or the new one. */
  compact(current: Iterable<JournalEntry>): Promise<JournalProblem | undefined>;
  /** It holds much that is out of date, or an append failed: time to compact. */
  needsCompaction(): boolean;
}

const NAME = 'objects.jsonl';
/** Lines that are encoded or decoded without giving way to other work. */
const BATCH = 200;
/** Fewer lines are never worth a compaction. */
const SMALL = 1000;

const keySchema = z.object({ kind: z.string(), namespace: z.string().exactOptional(), name: z.string() });
const lineSchema = z.union([
  z.object({
    put: z.object({
      key: keySchema,
      origin: z.object({ file: z.string().exactOptional(), line: z.number().exactOptional() }),
      resource: z.unknown(),
    }),
  }),
  z.object({ drop: keySchema }),
]);

/**
 * Each line is a JSON object: `crc32` of what follows it, then `put` or `drop`. `revive` judges a resource as if it were read
 * from a datastore, because another version of this program may have written it; once, and only if it is needed.
 */
export function objectJournal(directory: string, revive: (written: unknown) => Resource | undefined): ObjectJournal {
  const path = join(directory, NAME);
  const live = new Set<string>();
  let lines = 0;
  /** The last line may be torn: what comes next begins with a new one. */
  let torn = true;
  let failed = false;
  let queue: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = queue.then(work);
    // The next one does not depend on how this one ends; who called this one is told.
    queue = result.catch(() => undefined);
    return result;
  }

  async function noted(work: () => Promise<void>): Promise<JournalProblem | undefined> {
    try {
      await work();
      return undefined;
    } catch (error) {
      failed = true;
      return problemOf(path, error);
    }
  }

  async function load() {
    const entries = new Map<string, RestoredEntry>();
    const problems: JournalProblem[] = [];
    let text = '';
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      const problem = problemOf(path, error);
      if (problem.code !== 'ENOENT') problems.push(problem);
    }
    const all = text.split('\n');
    // After the last newline there is nothing, or a line of which the writing was cut short.
    const cutShort = all.pop() ?? '';
    for (const [index, line] of all.entries()) {
      if (index % BATCH === BATCH - 1) await turn();
      if (line === '') continue;
      const message = takeLine(line, entries);
      if (message !== undefined)
        problems.push({ code: 'corrupt', message: `${path}:${index + 1}: ${message}`, line: index + 1 });
    }
    if (cutShort !== '') takeLine(cutShort, entries);
    lines = all.length;
    torn = cutShort !== '';
    for (const text of entries.keys()) live.add(text);
    return { entries: [...entries.values()], problems };
  }

  function takeLine(line: string, entries: Map<string, RestoredEntry>): string | undefined {
    const change = decode(line);
    if (typeof change === 'string') return `${change}; the line is skipped`;
    if ('drop' in change) {
      entries.delete(keyText(change.drop));
      return undefined;
    }
    const { key, origin, resource: written } = change.put;
    let known: { readonly resource: Resource | undefined } | undefined;
    const revived = () => {
      known ??= { resource: revive(written) };
      return known.resource;
    };
    entries.set(keyText(key), { key, origin, written, revived });
    return undefined;
  }

  async function write(file: FileHandle, changes: readonly JournalChange[]): Promise<void> {
    for (let from = 0; from < changes.length; from += BATCH) {
      const text = changes
        .slice(from, from + BATCH)
        .map(encode)
        .join('');
      await file.writeFile(text);
    }
    await file.datasync();
  }

  function count(changes: readonly JournalChange[]): void {
    lines += changes.length;
    for (const change of changes) {
      if ('put' in change) live.add(keyText(change.put.key));
      else live.delete(keyText(change.drop));
    }
  }

  async function append(changes: readonly JournalChange[]): Promise<void> {
    await mkdir(directory, { recursive: true });
    const file = await open(path, 'a', 0o600);
    try {
      if (torn) await file.writeFile('\n');
      torn = true;
      await write(file, changes);
      torn = false;
    } finally {
      await file.close();
    }
    count(changes);
  }

  async function compact(changes: readonly JournalChange[]): Promise<void> {
    const temporary = join(directory, `.${NAME}.tmp`);
    await mkdir(directory, { recursive: true });
    try {
      const file = await open(temporary, 'w', 0o600);
      try {
        await write(file, changes);
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncDirectory(directory);
    lines = 0;
    live.clear();
    count(changes);
    torn = false;
    failed = false;
  }

  return {
    load: () => inTurn(load),
    append: (changes) =>
      changes.length === 0 ? Promise.resolve(undefined) : inTurn(() => noted(() => append(changes))),
    compact(current) {
      const changes = Array.from(current, (put) => ({ put }));
      return inTurn(() => noted(() => compact(changes)));
    },
    needsCompaction: () => failed || (lines > SMALL && lines > 2 * live.size),
  };
}

function encode(change: JournalChange): string {
  const body = JSON.stringify(change);
  return `{"crc32":"${checksum(body)}",${body.slice(1)}\n`;
}

function decode(line: string): z.infer<typeof lineSchema> | string {
  const sum = /^\{"crc32":"([0-9a-f]{8})",/.exec(line);
  if (sum?.[1] === undefined) return 'has no checksum';
  const body = `{${line.slice(sum[0].length)}`;
  if (checksum(body) !== sum[1]) return 'does not match its checksum';
  try {
    const parsed = lineSchema.safeParse(JSON.parse(body));
    return parsed.success ? parsed.data : 'is not an entry';
  } catch {
    return 'is not JSON';
  }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

function problemOf(path: string, error: unknown): JournalProblem {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
  const message = error instanceof Error ? error.message : String(error);
  return { code, message: `the journal of last valid objects ${path}: ${message}` };
}
