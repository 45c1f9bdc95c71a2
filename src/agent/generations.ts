/** Counts the input that was read and the part of it that is in force. */
export interface Generations {
  readonly current: number;
  readonly inForce: number;
  advance(): void;
  enforced(generation: number): void;
  /** Resolves when the generation is in force; rejects when the signal is aborted. */
  reached(generation: number, signal: AbortSignal): Promise<void>;
}

export function generations(): Generations {
  let current = 0;
  let inForce = -1;
  const waiting = new Set<() => void>();
  return {
    get current() {
      return current;
    },
    get inForce() {
      return Math.max(inForce, 0);
    },
    advance() {
      current += 1;
    },
    enforced(generation) {
      inForce = generation;
      for (const look of waiting) look();
    },
    reached(generation, signal) {
      return new Promise((resolve, reject) => {
        const aborted = () => {
          waiting.delete(look);
          reject(signal.reason);
        };
        const look = () => {
          if (inForce < generation) return;
          waiting.delete(look);
          signal.removeEventListener('abort', aborted);
          resolve();
        };
        if (signal.aborted) return reject(signal.reason);
        signal.addEventListener('abort', aborted, { once: true });
        waiting.add(look);
        look();
      });
    },
  };
}
