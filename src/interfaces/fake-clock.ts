import type { Clock } from './clock.js';

export interface FakeClock extends Clock {
  /** Lets time pass, running what is due in order; between two of them promises are given the chance to settle. */
  advance(milliseconds: number): Promise<void>;
  /** How many timers are set. */
  pending(): number;
}

/** A clock that stands still until it is told otherwise. */
export function fakeClock(): FakeClock {
  let time = 0;
  const timers = new Set<{ readonly due: number; readonly run: () => void }>();
  return {
    now: () => time,
    after: (milliseconds, run) => {
      const timer = { due: time + milliseconds, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance: async (milliseconds) => {
      const end = time + milliseconds;
      for (await settled(); ; await settled()) {
        const [next] = [...timers].sort((a, b) => a.due - b.due);
        if (next === undefined || next.due > end) break;
        timers.delete(next);
        time = next.due;
        next.run();
      }
      time = end;
    },
    pending: () => timers.size,
  };
}

/** All promise callbacks run before an immediate. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
