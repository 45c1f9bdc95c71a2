import type { ApiClient } from './client/api-client.js';
import { ApiError, apiError } from './client/api-error.js';
import { pause } from './pause.js';

/** The server does not have the kind: 404 for the list of it. */
export function isUnknownKind(error: unknown): error is ApiError {
  return error instanceof ApiError && error.code === 404;
}

/**
 * Makes sure that a 404 is what it seems to be. An API server that starts gives one for each custom resource until it has read
 * which there are, and that must not be taken for the end of all objects. Rejects if the kind is there, or if that can't be told.
 */
export async function confirmUnknownKind(
  client: ApiClient,
  path: string,
  confirmMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (!(await isReady(client, signal))) {
    await pause(confirmMs, signal);
    signal.throwIfAborted();
  }
  try {
    await client.request({ path, query: { limit: 1 }, signal });
  } catch (error) {
    if (isUnknownKind(error)) return;
    throw error;
  }
  throw apiError(`GET ${path}`, 503, 'the API server was starting');
}

/** Whoever may not ask, or asks a server that does not know the question, has to take the answer that there is. */
async function isReady(client: ApiClient, signal: AbortSignal): Promise<boolean> {
  try {
    await client.request({ path: '/readyz', signal });
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // What it says if all is well is `ok`, which is no JSON.
    return error.code < 500 && error.code !== 429;
  }
}
