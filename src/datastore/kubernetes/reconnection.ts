import { type BackOffTimes, backOff } from './back-off.js';
import type { ApiClient } from './client/api-client.js';
import { UnreachableError } from './client/api-error.js';
import { AccessError } from './client/cluster-access.js';
import { unlessAborted } from './client/unless-aborted.js';
import { pause } from './pause.js';

/** Resolves when the API server can be reached, or with the signal. Those who wait share the tries, so that it is not stormed. */
export type Reconnected = (signal: AbortSignal) => Promise<void>;

/** `stopped` ends the tries. */
export function reconnection(client: ApiClient, times: BackOffTimes, stopped: AbortSignal): Reconnected {
  let trying: Promise<void> | undefined;

  async function tryUntilConnected(): Promise<void> {
    const retry = backOff(times);
    while (!stopped.aborted) {
      try {
        await client.connect();
        return;
      } catch (error) {
        if (!(error instanceof UnreachableError || error instanceof AccessError)) throw error;
        await pause(retry.next(), stopped);
      }
    }
  }

  return async (signal) => {
    trying ??= tryUntilConnected().finally(() => {
      trying = undefined;
    });
    try {
      await unlessAborted(trying, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  };
}
