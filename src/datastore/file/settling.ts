/** Which paths are still to come to rest, and since when they look as they do. Times in ms of a monotonic clock. */
export interface Settling {
  /** The path looks like `version` now and counts when it has done so for `need` ms. Returns how long that still takes. */
  observe(path: string, version: string, need: number, now: number): number;
  /** It has been seen like this, or at least as this inode, and had to wait. */
  isWaiting(path: string, identity: string): boolean;
  /** Since when it has looked like this: now if it did not before. */
  seenSince(path: string, version: string, now: number): number;
  /** How long the path has not been at rest. */
  restless(path: string, now: number): number;
  settled(path: string): void;
  has(path: string): boolean;
  paths(): Iterable<string>;
  /** When the next path may have come to rest. */
  nextDue(): number | undefined;
  /** When the last of those may come to rest. */
  lastDue(of: (path: string, version: string) => boolean): number | undefined;
  clear(): void;
}

interface Restless {
  readonly version: string;
  readonly seen: number;
  readonly since: number;
  readonly need: number;
}

export function settling(): Settling {
  const pending = new Map<string, Restless>();

  function seenSince(path: string, version: string, now: number): number {
    const last = pending.get(path);
    return last?.version === version ? last.seen : now;
  }

  return {
    observe(path, version, need, now) {
      const seen = seenSince(path, version, now);
      pending.set(path, { version, seen, since: pending.get(path)?.since ?? now, need });
      return Math.max(0, seen + need - now);
    },
    isWaiting(path, identity) {
      const last = pending.get(path);
      return last !== undefined && last.need > 0 && last.version.startsWith(`${identity} `);
    },
    seenSince,
    restless: (path, now) => now - (pending.get(path)?.since ?? now),
    settled(path) {
      pending.delete(path);
    },
    has: (path) => pending.has(path),
    paths: () => pending.keys(),
    nextDue() {
      let next: number | undefined;
      for (const { seen, need } of pending.values()) {
        if (next === undefined || seen + need < next) next = seen + need;
      }
      return next;
    },
    lastDue(of) {
      let last: number | undefined;
      for (const [path, { version, seen, need }] of pending) {
        if ((last === undefined || seen + need > last) && of(path, version)) last = seen + need;
      }
      return last;
    },
    clear() {
      pending.clear();
    },
  };
}
