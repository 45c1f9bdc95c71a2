export interface BackOffTimes {
  readonly firstMs: number;
  readonly mostMs: number;
}

export interface BackOff {
  /** How long to wait before the next try: twice as long each time, and never quite the same, so that not all come at once. */
  next(): number;
  readonly tries: number;
  /** It went well: the next trouble begins anew. */
  reset(): void;
}

/** `random` gives numbers from 0 to 1. */
export function backOff({ firstMs, mostMs }: BackOffTimes, random: () => number = Math.random): BackOff {
  let tries = 0;
  return {
    next() {
      const full = Math.min(mostMs, firstMs * 2 ** Math.min(tries, 20));
      tries += 1;
      return full / 2 + (random() * full) / 2;
    },
    get tries() {
      return tries;
    },
    reset() {
      tries = 0;
    },
  };
}
