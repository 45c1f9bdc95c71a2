import { setImmediate as turn } from 'node:timers/promises';

/** Milliseconds after which others have their turn: timers, files, sockets. */
const SLICE = 5;

/** To be awaited between the pieces of something long: resolves at once, or after others have had their turn. */
export function fairShare(): () => Promise<void> {
  let begin = performance.now();
  return async () => {
    if (performance.now() - begin < SLICE) return;
    await turn();
    begin = performance.now();
  };
}
