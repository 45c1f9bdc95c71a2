import { setTimeout as pause } from 'node:timers/promises';
import type { Connection, Source, SourceEvent, SourceListener } from '../source.js';
import { catchUps } from './catch-ups.js';
import type { EtcdClient, OpenWatch } from './etcd-client.js';
import { asEtcdError, type EtcdError } from './etcd-error.js';
import { listPages } from './list-pages.js';
import { eventType, type WatchResponse } from './messages.js';
import { isOtherStore, type Origin, readinessOf, readOrigin } from './origin.js';
import type { CheckSelector } from './read-resource.js';
import { CLUSTER_INFORMATION, RESOURCES, RESOURCES_END } from './resource-path.js';
import { resourceTable } from './resource-table.js';

/** In ms. */
export interface SourceTimes {
  /** For how long a connection may be lost before that is told: meanwhile other endpoints are tried. */
  readonly graceMs: number;
  /** How long to wait after a second failure; twice as long after each that follows. */
  readonly retryMs: number;
  readonly longestRetryMs: number;
  /** For how long a member is waited for after a connection was lost: one that has just lost its leader may not answer for long. */
  readonly firstAnswerMs: number;
}

export interface EtcdSourceOptions {
  /** As the operator wrote it. */
  readonly url: string;
  /** Closed with the source. */
  readonly client: EtcdClient;
  readonly checkSelector: CheckSelector;
  readonly times?: Partial<SourceTimes>;
}

/** How many objects of a listing are read and told before the next. */
const AT_ONCE = 100;

const TIMES: SourceTimes = { graceMs: 1000, retryMs: 100, longestRetryMs: 5000, firstAnswerMs: 2000 };

/**
 * Calico's resources in etcd. Nothing is read before the datastore says that it is ready; when it says so no longer, or its data
 * is gone, all stays as it was. One watch has all kinds, so changes come in the order in which they were made.
 */
export function etcdSource({ url, client, checkSelector, ...options }: EtcdSourceOptions): Source {
  const times = { ...TIMES, ...options.times };
  const table = resourceTable(checkSelector);
  const stopping = new AbortController();
  let listener: SourceListener | undefined;
  let running: Promise<void> | undefined;
  let connection: Connection | undefined;
  let losing: NodeJS.Timeout | undefined;
  let watch: OpenWatch | undefined;
  let origin: Origin | undefined;
  /** Up to which everything has been delivered. */
  let revision = 0;
  let needsListing = true;
  let isSynced = false;
  let isFollowing = false;
  let failures = 0;

  const waiting = catchUps(
    () => (isFollowing ? { revision, keys: table.size } : undefined),
    async (since) => {
      const range = { key: RESOURCES, rangeEnd: RESOURCES_END, keysOnly: true, limit: 1, minModRevision: since + 1 };
      const { header, count, kvs } = await client.range(range);
      return { revision: header.revision, keys: count, hasNewer: kvs.length > 0 };
    },
  );

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await session();
      } catch (error) {
        if (!stopping.signal.aborted) await afterFailure(asEtcdError(error));
      }
    }
  }

  /** As long as one connection lasts, or until all has to be listed again. */
  async function session(): Promise<void> {
    const now = await readOrigin(client, failures > 1 ? {} : { answerMs: times.firstAnswerMs });
    clearTimeout(losing);
    if (origin !== undefined && isOtherStore(now, origin, revision)) {
      table.forgetRevisions();
      needsListing = true;
    }
    origin = now;
    // What is garbage now was ready once.
    if (now.readiness.is === 'not-ready' || (now.readiness.is === 'garbage' && !isSynced)) {
      tell({ connected: true, reason: now.readiness.reason });
      needsListing = true;
      return untilChange(now.revision);
    }
    if (needsListing) await list(now.revision);
    // Else the watch would only say later that it can't go on from there.
    else await client.range({ key: CLUSTER_INFORMATION, revision }, { requireLeader: true });
    if (stopping.signal.aborted) return;
    tell({ connected: true });
    await follow();
  }

  async function list(at: number): Promise<void> {
    const listing = table.list();
    for await (const { kvs } of listPages(client, RESOURCES, RESOURCES_END, { revision: at, requireLeader: true })) {
      if (stopping.signal.aborted) return;
      if (!isSynced) tell({ connected: true });
      // What is read of a few is garbage before the next are read: of a whole page V8 would copy it first.
      for (let at = 0; at < kvs.length; at += AT_ONCE) deliver(listing.page(kvs.slice(at, at + AT_ONCE)));
    }
    deliver(listing.end());
    revision = at;
    needsListing = false;
    if (!isSynced) listener?.inSync();
    isSynced = true;
  }

  /** Resolves when all has to be listed again, or the datastore is not ready any more. */
  function follow(): Promise<void> {
    const range = { key: RESOURCES, rangeEnd: RESOURCES_END, startRevision: revision + 1, progressNotify: true };
    return watching(range, (response) => {
      if (response.created) begun();
      else take(response);
      return !needsListing;
    });
  }

  /** Resolves when the ClusterInformation has changed. */
  function untilChange(since: number): Promise<void> {
    return watching({ key: CLUSTER_INFORMATION, startRevision: since + 1 }, ({ events }) => events.length === 0);
  }

  /** Resolves when `goOn` does not want more, or the source is stopped. */
  function watching(
    range: Parameters<EtcdClient['watch']>[0],
    goOn: (response: WatchResponse) => boolean,
  ): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const over = (): void => {
        watch?.close();
        isFollowing = false;
        stopping.signal.removeEventListener('abort', over);
        resolve();
      };
      stopping.signal.addEventListener('abort', over);
      watch = client.watch(range, {
        response: (response) => {
          failures = 0;
          if (!goOn(response)) over();
        },
        ended: (error) => {
          isFollowing = false;
          stopping.signal.removeEventListener('abort', over);
          reject(error);
        },
      });
    });
  }

  function begun(): void {
    isFollowing = true;
    waiting.moved();
  }

  /** Up to the change from which on the datastore is not ready, or all has to be listed. */
  function take({ events, header }: WatchResponse): void {
    const taken: SourceEvent[] = [];
    for (const { type, kv } of events) {
      const isDeleted = type === eventType.delete;
      if (kv.key === CLUSTER_INFORMATION && readinessOf(isDeleted ? undefined : kv).is === 'not-ready') {
        needsListing = true;
        break;
      }
      const told = isDeleted ? table.delete(kv.key, kv.modRevision) : table.put(kv);
      if (told === undefined) {
        needsListing = true;
        break;
      }
      taken.push(...told);
    }
    deliver(taken);
    if (needsListing) return;
    // Without events it says how far it has come. With some it may be behind the revision that it is sent at.
    revision = events.at(-1)?.kv.modRevision ?? Math.max(revision, header.revision);
    waiting.moved();
  }

  async function afterFailure(error: EtcdError): Promise<void> {
    failures += 1;
    const reason =
      error.code === 'forbidden' ? `${error.message}: it takes read access to ${RESOURCES}` : error.message;
    if (error.code === 'no-such-revision') needsListing = true;
    // A watch that breaks is begun again at once, perhaps elsewhere; what fails then is told.
    else if (failures === 1 && connection?.connected) lose(reason, times.graceMs);
    else lose(reason, 0);
    if (failures === 1) return;
    const wait = Math.min(times.retryMs * 2 ** (failures - 2), times.longestRetryMs) * (0.75 + Math.random() / 2);
    // Only a stop ends it early.
    await pause(wait, undefined, { signal: stopping.signal }).catch(() => undefined);
  }

  function lose(reason: string, afterMs: number): void {
    clearTimeout(losing);
    losing = setTimeout(() => tell({ connected: false, reason }), afterMs);
  }

  function tell(state: Connection): void {
    clearTimeout(losing);
    if (stopping.signal.aborted) return;
    if (state.reason !== undefined) waiting.fail(state.reason);
    if (connection?.connected === state.connected && connection.reason === state.reason) return;
    connection = state;
    listener?.connection(state);
  }

  function deliver(events: readonly SourceEvent[]): void {
    if (events.length > 0 && !stopping.signal.aborted) listener?.events(events);
  }

  return {
    url,
    start(to) {
      listener = to;
      running = run();
    },
    async catchUp() {
      if (listener === undefined || stopping.signal.aborted) throw new Error(`${url} is not being followed`);
      if (connection?.reason !== undefined) throw new Error(connection.reason);
      await waiting.wait();
    },
    async stop() {
      stopping.abort();
      clearTimeout(losing);
      waiting.fail(`${url} is not followed any more`);
      client.close();
      await running;
    },
  };
}
