import type { BigIntStats } from 'node:fs';
import { type RawDocument, readDocuments } from '../../resources/read-documents.js';
import { keyText, type ObjectKey } from '../../resources/resource.js';
import { asStoredObject } from '../as-stored-object.js';
import type { Problems, SourceEvent, Update } from '../source.js';
import { type StoredObject, StoreError } from '../store.js';
import { contentVersion } from './content-version.js';
import { issueOf, type Look, look } from './look.js';
import { objectTable } from './object-table.js';
import { readObjectFile, unreadable } from './read-file.js';
import type { FileContent, FileObject, Reader } from './reader.js';
import { inParallel, nothingFound, walk } from './walk.js';

/** What is in a directory of files, at one time. */
export interface DirectoryContent {
  /** The objects that count, by `keyText`. */
  readonly objects: ReadonlyMap<string, CountingObject>;
  /** All files in which an object stands, also where it does not count. */
  filesWith(key: ObjectKey): readonly ReadFile[];
  /** A file that can't be parsed and has the object's name in it. */
  brokenFileWith(key: ObjectKey): Problems | undefined;
  readonly problems: readonly Problems[];
}

export interface ReadFile {
  readonly path: string;
  /** The version that was read. */
  readonly stat: BigIntStats;
}

export interface CountingObject {
  readonly key: ObjectKey;
  readonly file: string;
  /** With its version. */
  readonly object: StoredObject;
}

/**
 * Reads all files below a directory: with the same reader, and by the same rules about what counts, as the source that the daemon
 * follows, but at once, without waiting for files to come to rest. Rejects with StoreError if the directory can't be read.
 */
export async function readDirectory(root: string, reader: Reader): Promise<DirectoryContent> {
  const table = objectTable();
  /** Of files with objects that are not valid, which no reader gives. */
  const documents = new Map<string, RawDocument[]>();
  const broken = new Map<string, string>();
  const keeping: Reader = (text, format, file) => {
    const content = reader(text, format, file);
    if (content.unreadable) broken.set(file, text);
    if (content.objects.some(({ parsed }) => !parsed.valid)) documents.set(file, readDocuments(text, format));
    return content;
  };
  const files = await readFiles(root, keeping);
  for (const { path, content } of files) table.put(path, content);
  const events = table.flush();
  const objects = new Map(
    events
      .flatMap((event) => (event.type === 'update' ? [event] : []))
      .flatMap((update) => counting(update, documents.get(update.origin.file ?? '')))
      .map((object) => [keyText(object.key), object] as const),
  );
  const problems = events.filter(isProblems);
  return {
    objects,
    problems,
    filesWith: (key) =>
      files.flatMap(({ path, stat, content }) =>
        stat !== undefined && content.objects.some((object) => isOf(object, key)) ? [{ path, stat }] : [],
      ),
    brokenFileWith: (key) => problems.find(({ file }) => broken.get(file)?.includes(key.name)),
  };
}

/** The object of an event of a source, as a store has it. `documents` are those of its file, for one that is not valid. */
export function counting({ key, origin, parsed }: Update, documents: readonly RawDocument[] = []): CountingObject[] {
  const value = parsed.valid ? parsed.resource : rawValue(key, origin.line, documents);
  const object = asStoredObject(value);
  if (object === undefined || origin.file === undefined) return [];
  return [{ key, file: origin.file, object: withVersion(object) }];
}

function rawValue(key: ObjectKey, line: number | undefined, documents: readonly RawDocument[]): unknown {
  const { value } = documents.find((document) => document.line === line) ?? {};
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, namespace, name } = key;
  const metadata: unknown = Reflect.get(value, 'metadata');
  const names = namespace === undefined ? { name } : { name, namespace };
  return { ...value, kind, metadata: { ...(typeof metadata === 'object' ? metadata : {}), ...names } };
}

/** A version that stands in the file is of another datastore. */
function withVersion(object: StoredObject): StoredObject {
  const { resourceVersion: _foreign, ...metadata } = object.metadata;
  const plain = { ...object, metadata };
  return { ...plain, metadata: { ...metadata, resourceVersion: contentVersion(plain) } };
}

interface Reading {
  readonly path: string;
  readonly content: FileContent;
  /** Absent if it could not be read. */
  readonly stat?: BigIntStats;
}

async function readFiles(root: string, reader: Reader): Promise<Reading[]> {
  const there = await look(root);
  if (there.is === 'gone') throw new StoreError('unreachable', `${root} does not exist`);
  if (there.is === 'file') throw new StoreError('unreachable', `${root} is not a directory`);
  if (there.is === 'unreadable') throw new StoreError('unreachable', there.issue.message);
  const found = nothingFound();
  await walk(root, there.stat, () => undefined, found);
  const closed = found.unreadable.get(root);
  if (closed !== undefined) throw new StoreError('forbidden', closed.message);
  const readings: Reading[] = [...found.unreadable].map(([path, issue]) => ({ path, content: unreadable(issue) }));
  await inParallel(found.files, async ([path, seen]) => {
    readings.push(await readFile(path, seen, reader));
  });
  return readings;
}

/** Somebody may be writing it at this moment. */
const mostTries = 10;

async function readFile(path: string, found: Look, reader: Reader): Promise<Reading> {
  let there = found;
  for (let tries = 0; tries < mostTries && there.is === 'file'; tries++) {
    const reading = await readObjectFile(path, there.stat, reader);
    if (reading.is === 'content') return { path, content: reading.content, stat: there.stat };
    there = await look(path);
  }
  if (there.is === 'gone') return { path, content: { unreadable: false, objects: [], problems: [] } };
  const restless = issueOf('restless', `${path} changes all the time`);
  return { path, content: unreadable(there.is === 'unreadable' ? there.issue : restless) };
}

function isProblems(event: SourceEvent): event is Problems {
  return event.type === 'problems';
}

function isOf({ key }: FileObject, wanted: ObjectKey): boolean {
  return keyText(key) === keyText(wanted);
}
