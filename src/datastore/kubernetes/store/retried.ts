import { backOff } from '../back-off.js';
import { ApiError, isTransient, UnreachableError } from '../client/api-error.js';
import { pause } from '../pause.js';

const TRIES = 4;
const times = { firstMs: 200, mostMs: 2000 };
/** A server that wants to be left alone for longer gets its way, and the command fails. */
const MOST_PATIENCE_MS = 10_000;

/**
 * Does it again when the server was too busy. `safe`: doing it twice does no harm, so also when it is not certain that the server
 * did not do it.
 */
export async function retried<Value>(work: () => Promise<Value>, safe: boolean, signal: AbortSignal): Promise<Value> {
  const retry = backOff(times);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const again = safe ? isTransient(error) || error instanceof UnreachableError : isBusy(error);
      const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
      if (!again || retry.tries >= TRIES - 1 || asked > MOST_PATIENCE_MS || signal.aborted) throw error;
      await pause(Math.max(asked, retry.next()), signal);
    }
  }
}

/** It has not even looked at the request. */
function isBusy(error: unknown): boolean {
  return error instanceof ApiError && error.code === 429;
}
