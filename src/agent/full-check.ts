/** A slow look at the whole table behind the events: it sees what they have missed. */
export interface FullCheck {
  /** How long after one the next one comes; 0: never. One that is due is not put off by being told the same again. */
  every(seconds: number): void;
  /** Looks now. One that is asked for while one runs comes after it, once. */
  look(): void;
  /** None begins any more; resolves when the current one is over. */
  stop(): Promise<void>;
}

export interface FullCheckOptions {
  /** Never rejects. Ends early when the signal is aborted. */
  readonly check: (signal: AbortSignal) => Promise<void>;
}

/** How many times as long as a check took the next one waits at least: to read a million elements takes 20 s. */
const PAUSE = 100;

export function fullCheck({ check }: FullCheckOptions): FullCheck {
  const stopped = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let interval = 0;
  /** Seconds after the last one. */
  let pause = 0;
  let looking: Promise<void> = Promise.resolve();
  let isAsked = false;

  const schedule = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (interval <= 0 || stopped.signal.aborted) return;
    timer = setTimeout(look, Math.max(interval, pause) * 1000).unref();
  };

  const look = (): void => {
    if (isAsked || stopped.signal.aborted) return;
    isAsked = true;
    looking = looking.then(async () => {
      isAsked = false;
      const begin = performance.now();
      await check(stopped.signal);
      pause = (PAUSE * (performance.now() - begin)) / 1000;
      schedule();
    });
  };

  return {
    every(seconds) {
      if (seconds === interval) return;
      interval = seconds;
      schedule();
    },
    look,
    async stop() {
      stopped.abort();
      clearTimeout(timer);
      await looking;
    },
  };
}
