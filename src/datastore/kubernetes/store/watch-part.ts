import type { WatchEvent } from '../../store.js';
import { backOff } from '../back-off.js';
import type { ApiClient } from '../client/api-client.js';
import { apiError, isTransient, UnreachableError } from '../client/api-error.js';
import { mapIn, numberIn, textIn } from '../conversion/native.js';
import { pause } from '../pause.js';
import { versionOf } from '../resource-version.js';
import { nativePath, type StorePart, storedObject } from './store-part.js';

const types: ReadonlyMap<string, WatchEvent['type']> = new Map([
  ['ADDED', 'added'],
  ['MODIFIED', 'modified'],
  ['DELETED', 'deleted'],
]);
/** Tries to go on before a watch is given up. */
const TRIES = 6;
const times = { firstMs: 200, mostMs: 5000 };

/** What happens to the objects there from a resourceVersion on. It goes on when the server ends it or is away for a moment. */
export async function* watchPart(
  client: ApiClient,
  part: StorePart,
  options: { readonly namespace?: string | undefined; readonly resourceVersion: string; readonly signal: AbortSignal },
): AsyncGenerator<WatchEvent> {
  const { signal } = options;
  const path = nativePath(part, options.namespace === undefined ? {} : { namespace: options.namespace });
  const retry = backOff(times);
  let version = options.resourceVersion;
  while (!signal.aborted) {
    try {
      const query = { watch: true, allowWatchBookmarks: true, resourceVersion: version };
      const pieces = await client.watch({ path, query, signal });
      retry.reset();
      for await (const events of pieces) {
        for (const event of events) {
          const [type, object] = [textIn(event, 'type') ?? '', mapIn(event, 'object')];
          if (type === 'ERROR') throw apiError(`watch of ${path}`, numberIn(object, 'code') ?? 500, object);
          version = versionOf(object) ?? version;
          const known = types.get(type);
          const stored = known === undefined ? undefined : storedObject(object, part);
          if (known !== undefined && stored !== undefined) yield { type: known, object: stored };
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      const passes = error instanceof UnreachableError || isTransient(error);
      if (!passes || retry.tries >= TRIES) throw error;
      await pause(retry.next(), signal);
    }
  }
}
