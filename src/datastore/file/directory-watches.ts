import { type BigIntStats, type FSWatcher, watch } from 'node:fs';
import { errorCode, identityOf, isMissing } from './look.js';

/** One `fs.watch` for each directory: a recursive one is emulated on Linux, watches every file, and tells the same. */
export interface DirectoryWatches {
  /** Watches a directory; one that took the place of another is watched anew. */
  add(directory: string, stat: BigIntStats): void;
  remove(directory: string): void;
  /** Whether it was being watched before the call of `mark`. */
  wasWatched(directory: string): boolean;
  mark(): void;
  directories(): Iterable<string>;
  close(): void;
}

export interface WatchListener {
  /** Something of that name (undefined: unknown) in the directory changed; `written` unless it came, went or was renamed. */
  changed(directory: string, name: string | undefined, written: boolean): void;
  /** A directory can't be watched (`ENOSPC`: the limit fs.inotify.max_user_watches), or, without a code, can be or need not be. */
  watchable(directory: string, code: string | undefined): void;
}

interface Watched {
  readonly watcher: FSWatcher;
  readonly identity: string;
  readonly since: number;
}

export function directoryWatches(listener: WatchListener): DirectoryWatches {
  const watched = new Map<string, Watched>();
  let round = 0;

  function start(directory: string): FSWatcher | undefined {
    try {
      const watcher = watch(directory, (type, name) => {
        listener.changed(directory, name ?? undefined, type === 'change');
      });
      watcher.on('error', (error) => {
        watched.delete(directory);
        watcher.close();
        listener.watchable(directory, errorCode(error) ?? error.message);
      });
      return watcher;
    } catch (error) {
      // One that has just gone needs no watch; its parent's tells.
      if (!isMissing(error)) listener.watchable(directory, errorCode(error) ?? String(error));
      return undefined;
    }
  }

  function remove(directory: string): void {
    watched.get(directory)?.watcher.close();
    watched.delete(directory);
    listener.watchable(directory, undefined);
  }

  return {
    add(directory, stat) {
      const identity = identityOf(stat);
      if (watched.get(directory)?.identity === identity) return;
      remove(directory);
      const watcher = start(directory);
      if (watcher !== undefined) watched.set(directory, { watcher, identity, since: round });
    },
    remove,
    wasWatched: (directory) => (watched.get(directory)?.since ?? round) < round,
    mark() {
      round += 1;
    },
    directories: () => watched.keys(),
    close() {
      for (const { watcher } of watched.values()) watcher.close();
      watched.clear();
    },
  };
}
