import { setTimeout as pause } from 'node:timers/promises';
import type { Kind } from '../../resources/kinds.js';
import { StoreError, type WatchEvent, type WatchOptions } from '../store.js';
import type { EtcdClient } from './etcd-client.js';
import { asEtcdError, type EtcdError } from './etcd-error.js';
import { type Event, eventType, type WatchResponse } from './messages.js';
import { after, prefixOf } from './resource-path.js';
import { storeError } from './store-problem.js';
import { readStored } from './stored-object.js';

const RETRY_MS = 500;

/** Changes of objects of a kind. A connection that breaks is made again, and nothing is missed or told twice. */
export async function* watchStore(
  client: EtcdClient,
  kind: Kind,
  { namespace, resourceVersion, signal }: WatchOptions,
): AsyncGenerator<WatchEvent> {
  const prefix = prefixOf(kind, namespace);
  let revision = Number(resourceVersion);
  if (!Number.isSafeInteger(revision))
    throw new StoreError('invalid', `'${resourceVersion}' is no version of etcd`, { key: { kind } });
  while (!signal.aborted) {
    try {
      for await (const event of oneWatch(client, prefix, revision + 1, signal)) {
        revision = event.kv.modRevision;
        const told = watchEvent(event);
        if (told !== undefined) yield told;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!asEtcdError(error).elsewhere) throw storeError(error, { kind });
      await pause(RETRY_MS, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await checkRevision(client, prefix, revision, kind);
    }
  }
}

/** A store that has lost its data has not got as far as we have seen it, and would say nothing. */
async function checkRevision(client: EtcdClient, prefix: string, revision: number, kind: Kind): Promise<void> {
  try {
    const { header } = await client.range({ key: prefix });
    if (header.revision >= revision) return;
  } catch (error) {
    if (asEtcdError(error).elsewhere) return;
    throw storeError(error, { kind });
  }
  throw new StoreError('expired', `etcd has not got revision ${revision} any more: list again`, { key: { kind } });
}

/** Until the signal, or an error. */
async function* oneWatch(
  client: EtcdClient,
  prefix: string,
  startRevision: number,
  signal: AbortSignal,
): AsyncGenerator<Event> {
  const responses: WatchResponse[] = [];
  let failure: EtcdError | undefined;
  let wake = (): void => undefined;
  const stop = (): void => wake();
  const watch = client.watch(
    { key: prefix, rangeEnd: after(prefix), startRevision, prevKv: true },
    {
      response(response) {
        responses.push(response);
        wake();
      },
      ended(error) {
        failure = error;
        wake();
      },
    },
  );
  signal.addEventListener('abort', stop);
  try {
    for (;;) {
      for (const { events } of responses.splice(0)) yield* events;
      if (signal.aborted) return;
      if (failure !== undefined && responses.length === 0) throw failure;
      if (responses.length > 0) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    signal.removeEventListener('abort', stop);
    watch.close();
  }
}

/** Undefined for what is no object. */
function watchEvent({ type, kv, prevKv }: Event): WatchEvent | undefined {
  const isDeleted = type === eventType.delete;
  const object = readStored(isDeleted ? { ...(prevKv ?? { ...kv, value: EMPTY }), key: kv.key } : kv);
  if (object === undefined) return undefined;
  if (isDeleted) return { type: 'deleted', object };
  return { type: kv.createRevision === kv.modRevision ? 'added' : 'modified', object };
}

/** Of an object of which only the name is known, because its last version is compacted. */
const EMPTY = Buffer.from('{}');
