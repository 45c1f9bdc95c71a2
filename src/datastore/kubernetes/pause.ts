import { setTimeout as timeout } from 'node:timers/promises';

/** Waits some ms, or until the signal, which is no error. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await timeout(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
