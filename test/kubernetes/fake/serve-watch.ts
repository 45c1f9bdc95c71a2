import type { ServerHttp2Stream } from 'node:http2';
import { mapIn } from '../../../src/datastore/kubernetes/conversion/native.js';
import type { ApiResource } from './api-resources.js';
import type { ObjectStore, StoreEvent } from './object-store.js';
import { FakeStatus, statusBody } from './status.js';
import { storeKey } from './write-object.js';

export interface OpenWatch {
  readonly resource: ApiResource;
  /** With an error, or as if its time were over. */
  end(status?: FakeStatus): void;
}

export interface WatchRequest {
  readonly store: ObjectStore;
  readonly resource: ApiResource;
  readonly namespace: string | undefined;
  /** Empty: from the state of now. */
  readonly from: string;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
  readonly bookmarkMs: number;
  /** What is too old is said by the status of HTTP instead of an event. */
  readonly goneInStatus: boolean;
  /** Has the watch while it goes on. */
  readonly watches: Map<ServerHttp2Stream, OpenWatch>;
}

/** Answers a watch: what has happened since, what happens, and bookmarks in between. */
export function serveWatch(stream: ServerHttp2Stream, request: WatchRequest): void {
  const { store, resource } = request;
  const key = storeKey(resource);
  const send = (type: string, object: unknown): void => {
    if (!stream.destroyed && !stream.writableEnded) stream.write(`${JSON.stringify({ type, object })}\n`);
  };
  const isWanted = ({ object }: Pick<StoreEvent, 'object'>): boolean =>
    request.namespace === undefined || mapIn(object, 'metadata').namespace === request.namespace;
  let past: readonly StoreEvent[];
  try {
    past =
      request.from === '' || request.from === '0'
        ? store.list(key).map((object) => ({ revision: 0, type: 'ADDED', object }))
        : store.since(key, Number(request.from));
  } catch (error) {
    if (!(error instanceof FakeStatus) || request.goneInStatus) throw error;
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    send('ERROR', statusBody(error));
    stream.end();
    return;
  }
  let last = Number(request.from) || store.revision;
  const tell = (event: StoreEvent): void => {
    // A watch from the future waits for it.
    if (event.revision !== 0 && event.revision <= Number(request.from)) return;
    last = Math.max(last, event.revision);
    if (isWanted(event)) send(event.type, event.object);
  };
  stream.respond({ ':status': 200, 'content-type': 'application/json' });
  for (const event of past) tell(event);
  const unfollow = store.follow(key, tell);
  const { group, version, kind } = resource;
  const bookmark = (): void => {
    if (!request.bookmarks) return;
    const apiVersion = group === '' ? version : `${group}/${version}`;
    send('BOOKMARK', { kind, apiVersion, metadata: { resourceVersion: String(last), creationTimestamp: null } });
  };
  const end = (status?: FakeStatus): void => {
    if (status !== undefined) send('ERROR', statusBody(status));
    stream.end();
  };
  request.watches.set(stream, { resource, end });
  const marking = setInterval(bookmark, request.bookmarkMs);
  const ending = setTimeout(() => stream.end(), request.timeoutMs);
  stream.once('close', () => {
    unfollow();
    request.watches.delete(stream);
    clearInterval(marking);
    clearTimeout(ending);
  });
}
