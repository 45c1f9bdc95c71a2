import { compareVersions } from './resource-version.js';

/** How far a watch has come. */
export interface Progress {
  /** The resourceVersion to go on from; undefined: it has to be listed. */
  readonly current: string | undefined;
  reach(version: string): void;
  forget(): void;
  /** Whether it comes as far as `target` within some ms. */
  reached(target: string, ms: number): Promise<boolean>;
}

export function progress(): Progress {
  const watchers = new Set<() => void>();
  let current: string | undefined;
  const isThere = (target: string): boolean => current !== undefined && (compareVersions(current, target) ?? -1) >= 0;

  return {
    get current() {
      return current;
    },
    reach(version) {
      current = version;
      for (const look of watchers) look();
    },
    forget() {
      current = undefined;
    },
    reached(target, ms) {
      if (isThere(target)) return Promise.resolve(true);
      return new Promise((resolve) => {
        const end = (result: boolean): void => {
          clearTimeout(timer);
          watchers.delete(look);
          resolve(result);
        };
        const look = (): void => {
          if (isThere(target)) end(true);
        };
        const timer = setTimeout(() => end(false), ms);
        watchers.add(look);
      });
    },
  };
}
