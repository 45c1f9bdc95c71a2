import type { BigIntStats, Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Issue } from '../../resources/resource.js';
import { formatOf, identityOf, ioIssue, isMissing, type Look, look } from './look.js';

/** What a walk has found below a directory. */
export interface Found {
  /** Files with resources, and what can't be looked at. */
  readonly files: Map<string, Look & { is: 'file' | 'unreadable' }>;
  /** Files that are as they were, of which nothing more is kept: mostly all. */
  readonly unchanged: Set<string>;
  /** Directories that could be listed. */
  readonly directories: Set<string>;
  /** Directories that could not: what is below them is unknown. */
  readonly unreadable: Map<string, Issue>;
  /** Directories that hold symbolic links: what those point to may change without an event here. */
  readonly linked: Set<string>;
}

/** Called before a directory is listed, so that no change between listing and watching is missed. */
export type Entering = (directory: string, stat: BigIntStats) => void;

/** Whether a file is known in this version. */
export type IsKnown = (path: string, stat: BigIntStats) => boolean;

/** File operations of one walk that run at the same time. */
const PARALLEL = 16;

export function nothingFound(): Found {
  return { files: new Map(), unchanged: new Set(), directories: new Set(), unreadable: new Map(), linked: new Set() };
}

/**
 * Finds `*.yaml`, `*.yml` and `*.json` below a directory. Names that start with a dot are passed over: temporary files, and
 * the `..data` of Kubernetes' volumes, which is reached through links. A link to a directory that the walk is in is not followed.
 */
export async function walk(
  directory: string,
  stat: BigIntStats,
  entering: Entering,
  found: Found,
  isKnown: IsKnown = () => false,
): Promise<void> {
  let level: Place[] = [{ path: directory, stat, within: [] }];
  while (level.length > 0) {
    const next: Place[] = [];
    await inParallel(level, async (place) => {
      next.push(...(await list(place, entering, found, isKnown)));
    });
    level = next;
  }
}

/** Looks at a path of which an event told, and below it if it is a directory. */
export async function visit(path: string, entering: Entering, found: Found): Promise<void> {
  const there = await look(path);
  if (there.is === 'directory') await walk(path, there.stat, entering, found);
  else if (there.is !== 'gone' && formatOf(path) !== undefined) found.files.set(path, there);
}

/** Runs `work` for all items, some at a time. */
export async function inParallel<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

interface Place {
  readonly path: string;
  readonly stat: BigIntStats;
  /** The directories around it, by identity. */
  readonly within: readonly string[];
}

async function list(place: Place, entering: Entering, found: Found, isKnown: IsKnown): Promise<Place[]> {
  entering(place.path, place.stat);
  let entries: Dirent[];
  try {
    entries = await readdir(place.path, { withFileTypes: true });
  } catch (error) {
    if (!isMissing(error)) found.unreadable.set(place.path, ioIssue(place.path, error));
    return [];
  }
  found.directories.add(place.path);
  const within = [...place.within, identityOf(place.stat)];
  const below: Place[] = [];
  await inParallel(
    entries.filter((entry) => isOfInterest(entry)),
    async (entry) => {
      const path = join(place.path, entry.name);
      if (entry.isSymbolicLink()) found.linked.add(place.path);
      const there = await look(path);
      if (there.is === 'directory') {
        if (!within.includes(identityOf(there.stat))) below.push({ path, stat: there.stat, within });
      } else if (there.is === 'file' && isKnown(path, there.stat)) found.unchanged.add(path);
      else if (there.is !== 'gone' && formatOf(path) !== undefined) found.files.set(path, there);
    },
  );
  return below;
}

function isOfInterest(entry: Dirent): boolean {
  if (entry.name.startsWith('.')) return false;
  return entry.isDirectory() || entry.isSymbolicLink() || formatOf(entry.name) !== undefined;
}
