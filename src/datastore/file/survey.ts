import type { BigIntStats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { directoryWatches } from './directory-watches.js';
import { formatOf } from './look.js';
import { type Found, type IsKnown, inParallel, nothingFound, visit, walk } from './walk.js';

/** What is in the directory, kept known by events and by looking. */
export interface Survey {
  /** Walks the whole directory, or looks at the given paths only. */
  everything(root: BigIntStats): Promise<Found>;
  paths(paths: Iterable<string>): Promise<Found>;
  /** Which of the known paths are missing in what a look at `visited` has found. */
  missing(visited: ReadonlySet<string>, known: Iterable<string>, found: Found): string[];
  /** It came into a directory that was being watched, and no event tells that it was written to since: it was moved there complete. */
  movedIn(path: string): boolean;
  forgetWrites(path: string): void;
  close(): void;
}

export interface SurveyListener {
  /** A path below the directory is to be looked at; the directory itself: all of it. */
  dirty(path: string): void;
  /** Without a code: it is watched again, or gone. */
  unwatched(directory: string, code: string | undefined): void;
  readonly isKnown: IsKnown;
}

/** So many events at once are no cheaper to follow than a walk, and the kernel may have dropped some (it queues 16384). */
const MANY = 2000;

export function survey(root: string, listener: SurveyListener): Survey {
  const directories = new Set<string>();
  const linked = new Set<string>();
  const written = new Set<string>();
  let events = 0;
  const watches = directoryWatches({ changed, watchable: (directory, code) => listener.unwatched(directory, code) });

  function changed(directory: string, name: string | undefined, wasWritten: boolean): void {
    const path = dirtyPath(directory, name, wasWritten);
    if (wasWritten && path !== undefined && formatOf(path) !== undefined) written.add(path);
    events += 1;
    if (events > MANY) listener.dirty(root);
    else if (path !== undefined) listener.dirty(path);
  }

  /** What has to be looked at because of an event. */
  function dirtyPath(directory: string, name: string | undefined, wasWritten: boolean): string | undefined {
    // Without a name anything may have changed; a directory tells of its own end with its own name.
    if (name === undefined || (directory === root && name === basename(root))) return root;
    // A hidden name is of interest only where a link may lead through it (`..data` of a ConfigMap).
    if (name.startsWith('.')) return linked.has(directory) ? directory : undefined;
    const path = join(directory, name);
    return !wasWritten || formatOf(name) !== undefined || directories.has(path) ? path : undefined;
  }

  function entering(directory: string, stat: BigIntStats): void {
    watches.add(directory, stat);
  }

  function learn(found: Found): Found {
    for (const directory of found.directories) {
      directories.add(directory);
      if (found.linked.has(directory)) linked.add(directory);
      else linked.delete(directory);
    }
    return found;
  }

  function forgetDirectories(visited: ReadonlySet<string>, found: Found): void {
    for (const directory of directories) {
      if (found.directories.has(directory) || !wasVisited(directory, visited) || isBelow(directory, found)) continue;
      directories.delete(directory);
      linked.delete(directory);
      watches.remove(directory);
    }
  }

  /** At one of the paths or below. */
  function wasVisited(path: string, visited: ReadonlySet<string>): boolean {
    for (let at = path; at.length >= root.length; at = dirname(at)) {
      if (visited.has(at)) return true;
      if (at === root) return false;
    }
    return false;
  }

  return {
    async everything(stat) {
      events = 0;
      watches.mark();
      const found = nothingFound();
      await walk(root, stat, entering, found, listener.isKnown);
      return learn(found);
    },
    async paths(paths) {
      watches.mark();
      const found = nothingFound();
      await inParallel(paths, (path) => visit(path, entering, found));
      return learn(found);
    },
    missing(visited, known, found) {
      const directoryGone = [...visited].some((path) => directories.has(path));
      const candidates = directoryGone ? [...known].filter((path) => wasVisited(path, visited)) : [...visited];
      if (directoryGone) forgetDirectories(visited, found);
      return candidates.filter((path) => !isThere(path, found) && !isBelow(path, found));
    },
    movedIn: (path) => watches.wasWatched(dirname(path)) && !linked.has(dirname(path)) && !written.has(path),
    forgetWrites(path) {
      written.delete(path);
    },
    close() {
      watches.close();
      directories.clear();
      linked.clear();
      written.clear();
    },
  };
}

function isThere(path: string, { files, unchanged }: Found): boolean {
  return files.has(path) || unchanged.has(path);
}

/** Whether it is in a directory that could not be listed, so that not to have been found means nothing. */
function isBelow(path: string, found: Found): boolean {
  for (const directory of found.unreadable.keys()) {
    if (path === directory || path.startsWith(`${directory}/`)) return true;
  }
  return false;
}
