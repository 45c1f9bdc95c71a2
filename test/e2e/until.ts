import { setTimeout as pause } from 'node:timers/promises';

const AGAIN_MS = 100;

/** Asks again and again until it is so, for what tells nobody when it has changed. Throws with the last answer after `seconds`. */
export async function until<T>(
  ask: () => Promise<T>,
  isSo: (answer: T) => boolean,
  what: string,
  seconds = 30,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (isSo(answer)) return answer;
    if (performance.now() > deadline) {
      throw new Error(`not within ${seconds} s: ${what}; the last answer was ${JSON.stringify(answer)}`);
    }
    await pause(AGAIN_MS);
  }
}
