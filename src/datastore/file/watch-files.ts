import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Kind } from '../../resources/kinds.js';
import { type RawDocument, readDocuments } from '../../resources/read-documents.js';
import { keyText } from '../../resources/resource.js';
import { keyOfStored } from '../as-stored-object.js';
import type { SourceEvent } from '../source.js';
import { type StoredObject, StoreError, type WatchEvent, type WatchOptions } from '../store.js';
import { watchQueue } from '../watch-queue.js';
import { countingObject } from './counting-object.js';
import { fileSource } from './file-source.js';
import { formatOf } from './look.js';
import type { Reader } from './reader.js';

/**
 * What changes in a directory after a listing, as the daemon's source sees it. `listed` is that listing, if it is
 * known.
 */
export async function* watchFiles(
  root: string,
  reader: Reader,
  kind: Kind,
  { namespace, resourceVersion, signal }: WatchOptions,
  listed: readonly StoredObject[] | undefined,
): AsyncGenerator<WatchEvent> {
  if (listed === undefined) throw new StoreError('expired', `there was no listing ${resourceVersion} by this program`);
  const known = new Map(listed.map((object) => [keyText(keyOfStored(object)), object]));
  /** What the first pass has found; the rest of the listing is gone by then. */
  const seen = new Set<string>();
  const source = fileSource(root, { reader });
  const queue = watchQueue(signal, () => undefined);
  let last: Promise<void> = Promise.resolve();

  /** One after the other, because reading what is not valid takes a while. */
  function inTurn(work: () => Promise<void> | void): void {
    last = last.then(work).catch((error: unknown) => {
      queue.end(error instanceof Error ? error : new Error(String(error)));
    });
  }

  function told(type: 'update' | 'delete', text: string, object: StoredObject | undefined): void {
    const before = known.get(text);
    if (type === 'update' && object !== undefined) {
      seen.add(text);
      known.set(text, object);
      if (before === undefined) queue.push({ type: 'added', object });
      else if (!isDeepStrictEqual(before, object)) queue.push({ type: 'modified', object });
    } else if (before !== undefined) {
      known.delete(text);
      queue.push({ type: 'deleted', object: before });
    }
  }

  async function take(event: SourceEvent): Promise<void> {
    if (event.type === 'problems' || event.key.kind !== kind) return;
    if (namespace !== undefined && event.key.namespace !== namespace) return;
    const text = keyText(event.key);
    if (event.type === 'delete') return told('delete', text, undefined);
    const documents = event.parsed.valid ? [] : await documentsOf(event.origin.file);
    const [found] = countingObject(event, documents);
    if (found !== undefined) told('update', text, found.object);
  }

  source.start({
    events(events) {
      for (const event of events) inTurn(() => take(event));
    },
    inSync() {
      inTurn(() => {
        for (const text of [...known.keys()]) if (!seen.has(text)) told('delete', text, undefined);
      });
    },
    connection({ connected, reason }) {
      if (!connected) inTurn(() => queue.end(new StoreError('unreachable', reason ?? `${root} can't be read`)));
    },
  });
  try {
    yield* queue;
  } finally {
    await source.stop();
  }
}

async function documentsOf(file: string | undefined): Promise<RawDocument[]> {
  if (file === undefined) return [];
  try {
    return readDocuments(await readFile(file, 'utf8'), formatOf(file) ?? 'yaml');
  } catch {
    // Gone again: its next event is on the way.
    return [];
  }
}
