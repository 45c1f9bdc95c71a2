/** How far the watch has come: the last revision of which everything has been delivered, and how many keys there were then. */
export interface Position {
  readonly revision: number;
  readonly keys: number;
}

/** What the datastore has now, seen by a read that no member can answer from the past. */
export interface Look {
  readonly revision: number;
  readonly keys: number;
  /** Something has changed since the position that was asked about. */
  readonly hasNewer: boolean;
}

export interface CatchUps {
  /** Resolves when everything that was in the datastore at the call has been delivered. */
  wait(): Promise<void>;
  /** The watch has come further, or has begun. */
  moved(): void;
  /** Nobody can tell at the moment. */
  fail(reason: string): void;
}

interface Waiter {
  /** The watch need not come further than this. Undefined before the first look. */
  revision: number | undefined;
  done(): void;
  failed(reason: string): void;
}

/**
 * Revisions count changes of all of etcd, and only those of our keys come by the watch: to wait for a revision could last
 * forever. So it is also enough if none of our keys has changed since the position. A deletion leaves no key, but one less.
 */
export function catchUps(position: () => Position | undefined, look: (since: number) => Promise<Look>): CatchUps {
  const waiters = new Set<Waiter>();
  let isLooking = false;
  let hasMoved = false;

  function release(isOver: (waiter: Waiter) => boolean): void {
    for (const waiter of waiters) {
      if (!isOver(waiter)) continue;
      waiters.delete(waiter);
      waiter.done();
    }
  }

  function releaseUpTo(revision: number): void {
    release((waiter) => waiter.revision !== undefined && waiter.revision <= revision);
  }

  async function lookAgain(): Promise<void> {
    const before = position();
    if (isLooking || before === undefined || waiters.size === 0) return;
    const asked = new Set(waiters);
    isLooking = true;
    hasMoved = false;
    try {
      const { revision, keys, hasNewer } = await look(before.revision);
      for (const waiter of asked) waiter.revision ??= revision;
      const now = position();
      const isSame = now?.revision === before.revision;
      if (isSame && !hasNewer && keys === now.keys) release((waiter) => asked.has(waiter));
      if (now !== undefined) releaseUpTo(now.revision);
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error));
    } finally {
      isLooking = false;
    }
    if (hasMoved || [...waiters].some(({ revision }) => revision === undefined)) await lookAgain();
  }

  function fail(reason: string): void {
    const all = [...waiters];
    waiters.clear();
    for (const waiter of all) waiter.failed(reason);
  }

  return {
    wait() {
      return new Promise((done, reject) => {
        waiters.add({ revision: undefined, done, failed: (reason) => reject(new Error(reason)) });
        void lookAgain();
      });
    },
    moved() {
      hasMoved = true;
      const now = position();
      if (now !== undefined) releaseUpTo(now.revision);
      void lookAgain();
    },
    fail,
  };
}
