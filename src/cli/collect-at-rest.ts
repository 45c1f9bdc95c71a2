/** Frees memory when work is done. */
export interface RestCollector {
  /** Something was done: what it leaves behind is collected once nothing has been done for a while. */
  worked(): void;
  stop(): void;
}

export interface RestCollectorOptions {
  readonly restMs?: number;
  /** Bytes of the heap, with its garbage. */
  readonly heapUsed?: () => number;
  readonly collect?: () => Promise<void>;
}

/** Less garbage is not worth the time. */
const SMALL_BYTES = 4_000_000;
/** A full collection takes 2 ms per MB, in which nothing else runs. Beyond, V8 does it in its own time, in steps. */
const LARGE_BYTES = 100_000_000;

/**
 * V8 collects when more is needed: a daemon that has read its datastore and has nothing to do would keep half as much again as
 * garbage, until the next burst of changes.
 */
export function collectAtRest({
  restMs = 1000,
  heapUsed = () => process.memoryUsage().heapUsed,
  collect = collectIfPossible,
}: RestCollectorOptions = {}): RestCollector {
  let left = 0;
  let timer: NodeJS.Timeout | undefined;

  const rest = async (): Promise<void> => {
    const used = heapUsed();
    if (used < left + SMALL_BYTES || used > LARGE_BYTES) return;
    await collect();
    left = heapUsed();
  };

  return {
    worked() {
      clearTimeout(timer);
      timer = setTimeout(() => void rest(), restMs).unref();
    },
    stop: () => clearTimeout(timer),
  };
}

/** Nothing happens where Node.js is built without its inspector. */
async function collectIfPossible(): Promise<void> {
  const { collectGarbage } = await import('./collect-garbage.js').catch(() => ({ collectGarbage: undefined }));
  await collectGarbage?.();
}
