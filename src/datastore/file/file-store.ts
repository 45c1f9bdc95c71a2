import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Kind } from '../../resources/kinds.js';
import { keyText, type ObjectKey } from '../../resources/resource.js';
import { byNamespaceAndName, keyOfStored } from '../as-stored-object.js';
import type { Problems } from '../source.js';
import { type Listing, type Store, type StoredObject, StoreError } from '../store.js';
import { changeFile } from './change-file.js';
import { contentVersion } from './content-version.js';
import { fileNameOf } from './file-name.js';
import { errorCode } from './look.js';
import { printObject } from './print-object.js';
import { type DirectoryContent, readDirectory } from './read-directory.js';
import type { Reader } from './reader.js';
import { createFile } from './replace-file.js';
import { watchFiles } from './watch-files.js';

export interface FileStoreOptions {
  readonly reader: Reader;
  /** Told what does not count, or can't be read, when the directory is read; each once. */
  readonly onProblems?: (problems: Problems) => void;
  readonly now?: () => Date;
}

/** A file that changes while it is being changed; more often than so, something is wrong. */
const mostTries = 5;
/** Listings that a watch can go on from. */
const mostListings = 100;

/**
 * Objects in the files of a directory, of which the daemon follows the same. What is read is what counts for the daemon, completed as
 * Calico's client would, where it is valid. A new object becomes a file of its own; one that is there is changed where it stands, and
 * everything else in its file stays byte for byte. Versions are digests of the content.
 */
export function fileStore(directory: string, { reader, onProblems, now = () => new Date() }: FileStoreOptions): Store {
  const root = resolve(directory);
  const listings = new Map<string, readonly StoredObject[]>();
  const told = new Set<string>();
  let writing: Promise<unknown> = Promise.resolve();

  /** Two changes of one file at the same time would lose one of them. */
  function inTurn<T>(key: ObjectKey, work: () => Promise<T>): Promise<T> {
    const result = writing.then(() => translated(key, work));
    writing = result.catch(() => undefined);
    return result;
  }

  async function read(): Promise<DirectoryContent> {
    const content = await readDirectory(root, reader);
    for (const problems of content.problems) {
      const text = JSON.stringify(problems);
      if (!told.has(text)) onProblems?.(problems);
      told.add(text);
    }
    return content;
  }

  async function list(kind: Kind, namespace?: string): Promise<Listing> {
    const { objects } = await read();
    const all = [...objects.values()].map(({ object }) => object).filter((object) => object.kind === kind);
    const items = all.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
    items.sort(byNamespaceAndName);
    const resourceVersion = contentVersion(items.map((object) => [keyText(keyOfStored(object)), object.metadata]));
    listings.set(resourceVersion, items);
    const [oldest] = listings.keys();
    if (listings.size > mostListings && oldest !== undefined) listings.delete(oldest);
    return { items, resourceVersion };
  }

  async function create(object: StoredObject): Promise<StoredObject> {
    const key = keyOfStored(object);
    const content = await read();
    if (content.objects.has(keyText(key))) throw new StoreError('already-exists', 'it is there', { key });
    refuseBesideBrokenFile(key, content);
    const { name, namespace, ...metadata } = object.metadata;
    const given = { uid: randomUUID(), creationTimestamp: `${now().toISOString().slice(0, 19)}Z` };
    const names = namespace === undefined ? { name } : { name, namespace };
    const complete: StoredObject = { ...object, metadata: { ...names, ...given, ...metadata } };
    const text = printObject(inFile(complete), 'yaml');
    if ((await createFile(join(root, fileNameOf(key, false)), text)) === 'created') return get(key);
    if ((await read()).objects.has(keyText(key))) throw new StoreError('already-exists', 'it is there', { key });
    const other = join(root, fileNameOf(key, true));
    if ((await createFile(other, text)) === 'created') return get(key);
    throw new StoreError('invalid', `${other} is there, and does not hold it: move it away`, { key });
  }

  async function get(key: ObjectKey): Promise<StoredObject> {
    return present(await read(), key).object;
  }

  /** Changes the object in its file, or in all of them; undefined removes it. */
  async function change(
    key: ObjectKey,
    version: string | undefined,
    object: StoredObject | undefined,
  ): Promise<StoredObject> {
    for (let tries = 0; tries < mostTries; tries++) {
      const content = await read();
      const { file, object: current } = present(content, key);
      const latest = current.metadata.resourceVersion;
      if (version !== undefined && version !== latest)
        throw new StoreError('conflict', `it is version '${latest}', not '${version}'`, { key });
      const files = content.filesWith(key);
      // What does not count would count as soon as this one is gone: it goes first.
      const others = object === undefined ? files.filter(({ path }) => path !== file) : [];
      const outcomes: string[] = [];
      for (const each of [...others, ...files.filter(({ path }) => path === file)]) {
        outcomes.push(await changeFile(each, key, object && inFile(object)));
        if (outcomes.at(-1) === 'changed') break;
      }
      if (!outcomes.includes('changed')) return object === undefined ? current : get(key);
    }
    throw new StoreError('conflict', 'its file changes all the time', { key });
  }

  return {
    url: `file:${directory}`,
    get: (key) => translated(key, () => get(key)),
    list: (kind, namespace) => translated({ kind }, () => list(kind, namespace)),
    create: (object) => inTurn(keyOfStored(object), () => create(object)),
    update(object) {
      const key = keyOfStored(object);
      return inTurn(key, () => change(key, object.metadata.resourceVersion, object));
    },
    delete: (key, resourceVersion) => inTurn(key, () => change(key, resourceVersion, undefined)),
    watch(kind, options) {
      return watchFiles(root, reader, kind, options, listings.get(options.resourceVersion));
    },
    async close() {
      listings.clear();
    },
  };
}

function present({ objects }: DirectoryContent, key: ObjectKey) {
  const found = objects.get(keyText(key));
  if (found === undefined) throw new StoreError('not-found', 'there is no such object', { key });
  return found;
}

/** It may be in there, and a second one would be quarantined, or the other one, as soon as that file is repaired. */
function refuseBesideBrokenFile(key: ObjectKey, content: DirectoryContent): void {
  const broken = content.brokenFileWith(key);
  if (broken === undefined) return;
  const [first] = broken.problems;
  const line = first?.issue.line ?? first?.line;
  const place = line === undefined ? broken.file : `${broken.file} line ${line}`;
  const message = `${place} can't be parsed (${first?.issue.message}) and may hold ${key.kind} ${key.name}: repair it first`;
  throw new StoreError('invalid', message, { key });
}

/** The version is not in the file. */
function inFile(object: StoredObject): StoredObject {
  const { resourceVersion: _version, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** What the file system says, as a store would. */
async function translated<T>(key: Partial<ObjectKey>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = errorCode(error);
    if (error instanceof StoreError || !(error instanceof Error) || code === undefined) throw error;
    const refused = ['EACCES', 'EPERM', 'EROFS'].includes(code);
    throw new StoreError(refused ? 'forbidden' : 'internal', error.message, { key, cause: error });
  }
}
