import { setTimeout as pause } from 'node:timers/promises';

export interface InForce {
  /** As of a Source: rejects while the datastore can't be used. */
  catchUp(): Promise<void>;
  /** Resolves when what has been read at the call is in force; rejects when the signal is aborted. */
  reached(): Promise<void>;
  isReady(): boolean;
}

const AGAIN_MS = 100;

/**
 * Resolves when everything that was in the datastore at the call, or when it could be read at last, is in force, and the agent is
 * ready. The datastore and the kernel are tried again all the time, so only the signal ends this: it then rejects, with the
 * datastore's reason if that was in the way.
 */
export async function whenInForce({ catchUp, reached, isReady }: InForce, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await catchUp();
      break;
    } catch (reason) {
      if (signal.aborted) throw reason;
      await pause(AGAIN_MS);
    }
  }
  await reached();
  while (!isReady()) {
    signal.throwIfAborted();
    await pause(AGAIN_MS);
  }
}
