import type { BigIntStats } from 'node:fs';
import { type RawDocument, readDocuments } from '../../resources/read-documents.js';
import { keyText, type ObjectKey } from '../../resources/resource.js';
import type { Problems } from '../source.js';
import { StoreError } from '../store.js';
import { type CountingObject, countingObject } from './counting-object.js';
import { issueOf, type Look, look, versionOf } from './look.js';
import { objectTable } from './object-table.js';
import { readObjectFile, unreadable } from './read-file.js';
import type { FileContent, Reader } from './reader.js';
import { type Found, inParallel, nothingFound, visit, walk } from './walk.js';

/** A file in the version that was read. */
export interface ReadFile {
  readonly path: string;
  readonly stat: BigIntStats;
}

/**
 * What is in the files of a directory: read with the same reader, and by the same rules about what counts, as by the
 * source that the daemon follows, but at once, without waiting for files to come to rest.
 */
export interface DirectoryReader {
  /** Looks at everything, and reads what has changed. Rejects with StoreError if the directory can't be read. */
  lookAround(): Promise<void>;
  /** Reads a file that has just been written or removed. */
  lookAt(path: string): Promise<void>;
  /** When `lookAround` looked last, in ms of a monotonic clock. */
  lastLook(): number;
  get(key: ObjectKey): CountingObject | undefined;
  objects(): Iterable<CountingObject>;
  /** All files in which an object stands, also where it does not count. */
  filesWith(key: ObjectKey): readonly ReadFile[];
  /** A file that can't be parsed and has the object's name in it. */
  brokenFileWith(key: ObjectKey): Problems | undefined;
}

interface KnownFile {
  readonly version: string;
  /** Absent if it could not be read. */
  readonly stat?: BigIntStats;
  readonly keys: readonly string[];
}

export function directoryReader(
  root: string,
  reader: Reader,
  onProblems: (problems: Problems) => void = () => undefined,
): DirectoryReader {
  const table = objectTable();
  const files = new Map<string, KnownFile>();
  const holders = new Map<string, Set<string>>();
  const counting = new Map<string, CountingObject>();
  const problems = new Map<string, Problems>();
  /** Texts of files that can't be parsed. */
  const broken = new Map<string, string>();
  /** Of files with objects that are not valid, which no reader gives. */
  const documents = new Map<string, RawDocument[]>();
  let last = Number.NEGATIVE_INFINITY;

  const keeping: Reader = (text, format, file) => {
    const content = reader(text, format, file);
    if (content.unreadable) broken.set(file, text);
    if (content.objects.some(({ parsed }) => !parsed.valid)) documents.set(file, readDocuments(text, format));
    return content;
  };

  async function readFound({ files: found, unreadable: closed }: Found): Promise<void> {
    for (const [path, issue] of closed) put(path, unreadable(issue), { version: `unreadable ${issue.code}`, keys: [] });
    await inParallel(found, async ([path, there]) => {
      if (there.is === 'file' && files.get(path)?.version === versionOf(there.stat)) return;
      await read(path, there);
    });
  }

  async function read(path: string, found: Look): Promise<void> {
    let there = found;
    broken.delete(path);
    documents.delete(path);
    for (let tries = 0; tries < mostTries && there.is === 'file'; tries++) {
      const reading = await readObjectFile(path, there.stat, keeping);
      if (reading.is === 'content') {
        const { content, lasting } = reading;
        const version = lasting ? versionOf(there.stat) : '';
        put(path, content, { version, stat: there.stat, keys: content.objects.map(({ key }) => keyText(key)) });
        return;
      }
      there = await look(path);
    }
    if (there.is === 'gone') return remove(path);
    const restless = issueOf('restless', `${path} changes all the time`);
    put(path, unreadable(there.is === 'unreadable' ? there.issue : restless), { version: '', keys: [] });
  }

  function put(path: string, content: FileContent, known: KnownFile): void {
    forget(path);
    files.set(path, known);
    for (const text of known.keys) holders.set(text, (holders.get(text) ?? new Set()).add(path));
    table.put(path, content);
  }

  function remove(path: string): void {
    forget(path);
    files.delete(path);
    table.remove(path);
  }

  function forget(path: string): void {
    for (const text of files.get(path)?.keys ?? []) holders.get(text)?.delete(path);
  }

  function take(): void {
    for (const event of table.flush()) {
      if (event.type === 'update') {
        const [object] = countingObject(event, documents.get(event.origin.file ?? ''));
        if (object !== undefined) counting.set(keyText(event.key), object);
      } else if (event.type === 'delete') {
        counting.delete(keyText(event.key));
      } else if (event.problems.length === 0) {
        problems.delete(event.file);
      } else {
        problems.set(event.file, event);
        onProblems(event);
      }
    }
  }

  return {
    async lookAround() {
      const found = await foundBelow(root);
      await readFound(found);
      for (const path of [...files.keys()]) if (!found.files.has(path) && !found.unreadable.has(path)) remove(path);
      take();
      last = performance.now();
    },
    async lookAt(path) {
      const found = nothingFound();
      await visit(path, () => undefined, found);
      if (!found.files.has(path)) remove(path);
      await readFound(found);
      take();
    },
    lastLook: () => last,
    get: (key) => counting.get(keyText(key)),
    objects: () => counting.values(),
    filesWith: (key) =>
      [...(holders.get(keyText(key)) ?? [])].flatMap((path) => {
        const stat = files.get(path)?.stat;
        return stat === undefined ? [] : [{ path, stat }];
      }),
    brokenFileWith: (key) => [...problems.values()].find(({ file }) => broken.get(file)?.includes(key.name)),
  };
}

/** Somebody may be writing a file at this moment. */
const mostTries = 10;

async function foundBelow(root: string): Promise<Found> {
  const there = await look(root);
  if (there.is === 'gone') throw new StoreError('unreachable', `${root} does not exist`);
  if (there.is === 'file') throw new StoreError('unreachable', `${root} is not a directory`);
  if (there.is === 'unreadable') throw new StoreError('unreachable', there.issue.message);
  const found = nothingFound();
  await walk(root, there.stat, () => undefined, found);
  const closed = found.unreadable.get(root);
  if (closed !== undefined) throw new StoreError('forbidden', closed.message);
  return found;
}
