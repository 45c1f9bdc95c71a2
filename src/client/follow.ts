import { isDeepStrictEqual } from 'node:util';
import { keyOfStored } from '../datastore/as-stored-object.js';
import { type Listing, type StoredObject, StoreError, type WatchEvent } from '../datastore/store.js';
import { keyText } from '../resources/resource.js';

/** What is followed: a kind, or the part of it in a namespace. */
export interface Followed {
  list(): Promise<Listing>;
  watch(resourceVersion: string): AsyncIterable<WatchEvent>;
}

/**
 * Everything that is there, as added, then each change. Where the datastore has forgotten the versions in between, it
 * is listed again and the differences are told. Ends when the watch does.
 */
export async function* follow({ list, watch }: Followed): AsyncGenerator<WatchEvent> {
  const known = new Map<string, StoredObject>();
  for (;;) {
    const { items, resourceVersion } = await list();
    yield* differences(known, items);
    try {
      for await (const event of watch(resourceVersion)) {
        const text = keyText(keyOfStored(event.object));
        if (event.type === 'deleted') known.delete(text);
        else known.set(text, event.object);
        yield event;
      }
      return;
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'expired')) throw error;
    }
  }
}

function* differences(known: Map<string, StoredObject>, items: readonly StoredObject[]): Generator<WatchEvent> {
  const listed = new Map(items.map((object) => [keyText(keyOfStored(object)), object]));
  for (const [text, object] of known) {
    if (listed.has(text)) continue;
    known.delete(text);
    yield { type: 'deleted', object };
  }
  for (const [text, object] of listed) {
    const before = known.get(text);
    known.set(text, object);
    if (before === undefined) yield { type: 'added', object };
    else if (!isDeepStrictEqual(before, object)) yield { type: 'modified', object };
  }
}
