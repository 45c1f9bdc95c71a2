import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Kind } from '../../resources/kinds.js';
import { keyText, type ObjectKey } from '../../resources/resource.js';
import { byNamespaceAndName, keyOfStored } from '../as-stored-object.js';
import type { Problems } from '../source.js';
import { type Listing, type Store, type StoredObject, StoreError } from '../store.js';
import { changeFile } from './change-file.js';
import { contentVersion } from './content-version.js';
import { type DirectoryReader, directoryReader } from './directory-reader.js';
import { fileNameOf } from './file-name.js';
import { errorCode } from './look.js';
import { printObject } from './print-object.js';
import type { Reader } from './reader.js';
import { createFile } from './replace-file.js';
import { watchFiles } from './watch-files.js';

export interface FileStoreOptions {
  readonly reader: Reader;
  /** Told what does not count, or can't be read, when it is seen. */
  readonly onProblems?: (problems: Problems) => void;
  /**
   * How long what was seen may be taken for what is there, in ms: for those that write much. A file that has changed
   * meanwhile is never overwritten.
   */
  readonly recentMs?: number;
  readonly now?: () => Date;
}

/** A file that changes while it is being changed; more often than so, something is wrong. */
const mostTries = 5;
/** Listings that a watch can go on from. */
const mostListings = 100;

/**
 * Objects in the files of a directory, of which the daemon follows the same. What is read is what counts for the
 * daemon, completed as Calico's client would, where it is valid. A new object becomes a file of its own; one that is
 * there is changed where it stands, and everything else in its file stays byte for byte. Versions are digests of the
 * content.
 */
export function fileStore(
  directory: string,
  { reader, onProblems, recentMs = 0, now = () => new Date() }: FileStoreOptions,
): Store {
  const root = resolve(directory);
  const files = directoryReader(root, reader, onProblems);
  const listings = new Map<string, readonly StoredObject[]>();
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: two changes of one file at the same time would lose one of them. */
  function inTurn<T>(key: Partial<ObjectKey>, work: () => Promise<T>): Promise<T> {
    const result = last.then(() => translated(key, work));
    last = result.catch(() => undefined);
    return result;
  }

  async function lookUnlessRecent(): Promise<void> {
    if (performance.now() - files.lastLook() >= recentMs) await files.lookAround();
  }

  async function list(kind: Kind, namespace?: string): Promise<Listing> {
    await lookUnlessRecent();
    const items = [...files.objects()]
      .map(({ object }) => object)
      .filter((object) => object.kind === kind && (namespace === undefined || object.metadata.namespace === namespace))
      .toSorted(byNamespaceAndName);
    const resourceVersion = contentVersion(items.map((object) => [keyText(keyOfStored(object)), object.metadata]));
    listings.set(resourceVersion, items);
    const [oldest] = listings.keys();
    if (listings.size > mostListings && oldest !== undefined) listings.delete(oldest);
    return { items, resourceVersion };
  }

  async function create(object: StoredObject): Promise<StoredObject> {
    const key = keyOfStored(object);
    await lookUnlessRecent();
    if (files.get(key) !== undefined) throw new StoreError('already-exists', 'it is there', { key });
    refuseBesideBrokenFile(key, files);
    const { name, namespace, ...metadata } = object.metadata;
    const given = { uid: randomUUID(), creationTimestamp: `${now().toISOString().slice(0, 19)}Z` };
    const names = namespace === undefined ? { name } : { name, namespace };
    const text = printObject(inFile({ ...object, metadata: { ...names, ...given, ...metadata } }), 'yaml');
    for (const isTaken of [false, true]) {
      const path = join(root, fileNameOf(key, isTaken));
      const outcome = await createFile(path, text);
      await files.lookAt(path);
      if (outcome === 'created') return present(files, key).object;
      if (files.get(key) !== undefined) throw new StoreError('already-exists', 'it is there', { key });
    }
    const taken = join(root, fileNameOf(key, true));
    throw new StoreError('invalid', `${taken} is there, and does not hold it: move it away`, { key });
  }

  /** Changes the object in its file, or in all of them; undefined removes it. */
  async function change(
    key: ObjectKey,
    version: string | undefined,
    object: StoredObject | undefined,
  ): Promise<StoredObject> {
    await lookUnlessRecent();
    for (let tries = 0; tries < mostTries; tries++) {
      if (tries > 0) await files.lookAround();
      const { file, object: current } = present(files, key);
      const latest = current.metadata.resourceVersion;
      if (version !== undefined && version !== latest)
        throw new StoreError('conflict', `it is version '${latest}', not '${version}'`, { key });
      if (object !== undefined && contentVersion(inFile(object)) === latest) return current;
      if (await changeFiles(key, file, object)) return object === undefined ? current : present(files, key).object;
    }
    throw new StoreError('conflict', 'its file changes all the time', { key });
  }

  /** False if a file is another one by now. */
  async function changeFiles(key: ObjectKey, counts: string, object: StoredObject | undefined): Promise<boolean> {
    const all = files.filesWith(key);
    if (!all.some(({ path }) => path === counts)) throw new StoreError('invalid', `${counts} can't be read`, { key });
    // What does not count would count as soon as this one is gone: it goes first.
    const others = object === undefined ? all.filter(({ path }) => path !== counts) : [];
    for (const file of [...others, ...all.filter(({ path }) => path === counts)]) {
      const outcome = await changeFile(file, key, object && inFile(object));
      if (outcome === 'changed') return false;
      await files.lookAt(file.path);
    }
    return true;
  }

  return {
    url: `file:${directory}`,
    get: (key) =>
      inTurn(key, async () => {
        await lookUnlessRecent();
        return present(files, key).object;
      }),
    list: (kind, namespace) => inTurn({ kind }, () => list(kind, namespace)),
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

function present(files: DirectoryReader, key: ObjectKey) {
  const found = files.get(key);
  if (found === undefined) throw new StoreError('not-found', 'there is no such object', { key });
  return found;
}

/** It may be in there, and a second one would be quarantined, or the other one, as soon as that file is repaired. */
function refuseBesideBrokenFile(key: ObjectKey, files: DirectoryReader): void {
  const broken = files.brokenFileWith(key);
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
