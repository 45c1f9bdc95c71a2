/** What keeps the kernel up to date: asked often, it works once for all that was asked meanwhile. */
export interface ApplyLoop {
  /** There is something to do. At once when idle and not too often lately, otherwise as soon as it may. */
  poke(): void;
  /** No further run begins; resolves when the current one is over. */
  stop(): Promise<void>;
}

export interface ApplyLoopOptions {
  /** Resolves to whether it succeeded; false, or a rejection, is tried again with growing delay. */
  readonly run: () => Promise<boolean>;
  /** A rejection of `run`: a mistake of the program, since expected failures are values. */
  readonly failed: (error: unknown) => void;
  readonly now?: () => number;
}

/** Runs that may follow each other without a pause, and the pace after that. */
const BURST = 10;
const MS_PER_RUN = 50;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 10_000;

/**
 * Guarantees: never two runs at a time; a run begins after every poke; at most BURST + elapsed / MS_PER_RUN runs; after a failure
 * the next run begins no later than the back-off says, and on a poke no sooner than FIRST_RETRY_MS.
 */
export function applyLoop({ run, failed, now = () => performance.now() }: ApplyLoopOptions): ApplyLoop {
  let tokens = BURST;
  let counted = now();
  let failures = 0;
  let running: Promise<void> | undefined;
  let wanted = false;
  let stopped = false;
  let cancel = (): void => undefined;
  let due = Number.POSITIVE_INFINITY;

  const schedule = (delay: number): void => {
    const at = now() + delay;
    if (stopped || running || at >= due) return;
    cancel();
    due = at;
    cancel = delay > 0 ? afterTime(begin, delay) : afterTurn(begin);
  };

  const pause = (): number => {
    tokens = Math.min(BURST, tokens + (now() - counted) / MS_PER_RUN);
    counted = now();
    return tokens >= 1 ? 0 : (1 - tokens) * MS_PER_RUN;
  };

  const begin = (): void => {
    due = Number.POSITIVE_INFINITY;
    tokens -= 1;
    wanted = false;
    running = once().finally(() => {
      running = undefined;
      if (failures > 0) schedule(retryDelay(failures));
      if (wanted) schedule(Math.max(pause(), failures > 0 ? FIRST_RETRY_MS : 0));
    });
  };

  const once = async (): Promise<void> => {
    try {
      failures = (await run()) ? 0 : failures + 1;
    } catch (error) {
      failures += 1;
      failed(error);
    }
  };

  return {
    poke() {
      wanted = true;
      schedule(Math.max(pause(), failures > 0 ? FIRST_RETRY_MS : 0));
    },
    async stop() {
      stopped = true;
      cancel();
      await running;
    },
  };
}

function afterTime(work: () => void, ms: number): () => void {
  const timer = setTimeout(work, ms);
  return () => clearTimeout(timer);
}

/** What the same turn brings is taken along; a timer would take a ms. */
function afterTurn(work: () => void): () => void {
  const immediate = setImmediate(work);
  return () => clearImmediate(immediate);
}

function retryDelay(failures: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
}
