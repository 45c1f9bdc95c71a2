import type { WatchEvent } from './store.js';

/** Events on their way to whoever iterates over them. */
export interface WatchQueue extends AsyncIterable<WatchEvent> {
  push(event: WatchEvent): void;
  /** The iteration ends when what has been pushed is consumed; with an error, it rejects with that then. */
  end(error?: Error): void;
}

/** `ended` is called once, however the iteration ends: the consumer left, or the signal was aborted, or `end`. */
export function watchQueue(signal: AbortSignal, ended: () => void): WatchQueue {
  const events: WatchEvent[] = [];
  let over: { readonly error?: Error } | undefined;
  let wake = (): void => undefined;

  function end(error?: Error): void {
    if (over !== undefined) return;
    over = error === undefined ? {} : { error };
    wake();
  }

  function abort(): void {
    events.length = 0;
    end();
  }

  async function* iterate(): AsyncGenerator<WatchEvent> {
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    try {
      for (;;) {
        const next = events.shift();
        if (next !== undefined) {
          yield next;
          continue;
        }
        if (over?.error !== undefined) throw over.error;
        if (over !== undefined) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', abort);
      ended();
    }
  }

  return {
    push(event) {
      if (over !== undefined) return;
      events.push(event);
      wake();
    },
    end,
    [Symbol.asyncIterator]: iterate,
  };
}
