import { type BackOffTimes, backOff } from './back-off.js';
import type { ApiClient } from './client/api-client.js';
import { ApiError, apiError, isExpired, isTransient, UnreachableError } from './client/api-error.js';
import { AccessError } from './client/cluster-access.js';
import { mapIn, numberIn, textIn } from './conversion/native.js';
import { listPages, PAGE } from './list-pages.js';
import { pause } from './pause.js';
import type { Place } from './place.js';
import { progress } from './progress.js';
import { compareVersions, versionOf } from './resource-version.js';
import { confirmUnknownKind, isUnknownKind } from './unknown-kind.js';

/** How long to wait for what, in ms. */
export interface ReflectorTimes {
  readonly retry: BackOffTimes;
  /** Until a kind that the server did not know is asked for again; up to twice as long. */
  readonly unknownMs: number;
  /** Until a server that starts is asked again whether it knows a kind. */
  readonly confirmMs: number;
  /** For a watch to bring what the server is known to have, before that is listed. */
  readonly bringMs: number;
  /** For a watch, in which the server ends it; up to twice as long. */
  readonly watchMs: number;
}

export type Trouble =
  /** The server does not have the kind: there are no such objects. */
  | { readonly is: 'unknown'; readonly message: string }
  /** It can't be followed at the moment; what is known stays. */
  | { readonly is: 'refused' | 'failing'; readonly message: string };

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: unknown;
}

export interface ReflectorListener {
  /** A part of a list; the first one begins it. */
  page(objects: readonly unknown[], first: boolean, place: Place): void;
  /** The list is complete: what it did not have is not there. */
  listed(): void;
  changes(changes: readonly Change[], place: Place): void;
  /** Undefined: it is followed (again). `place` is where it was tried, if that was known. */
  trouble(trouble: Trouble | undefined, place: Place | undefined): void;
}

/** Follows the objects of one kind: lists them, watches from there on, and lists again when the server has forgotten the way. */
export interface Reflector {
  /** Resolves when what the server has now has been told. Rejects with the reason why that can't be. */
  catchUp(): Promise<void>;
  stop(): Promise<void>;
}

export interface ReflectorOptions {
  readonly client: ApiClient;
  /** Where the objects may be; they are where the server knows the kind first. `fresh`: it knew it nowhere. */
  readonly places: (fresh: boolean) => Promise<readonly Place[]>;
  /** Resolves when the server can be reached (again), or with the signal. */
  readonly reconnected: (signal: AbortSignal) => Promise<void>;
  readonly times: ReflectorTimes;
  readonly listener: ReflectorListener;
}

interface Waiter {
  done(): void;
  failed(error: unknown): void;
}

/** Longer than this no server is left alone, whatever it says. */
const MOST_PATIENCE_MS = 60_000;
/** Tries before trouble is told that may pass by itself. */
const QUIET_TRIES = 3;

export function reflector({ client, places, reconnected, times, listener }: ReflectorOptions): Reflector {
  const stopped = new AbortController();
  const retry = backOff(times.retry);
  /** For a server that forgets at once where it was. */
  const again = backOff(times.retry);
  const versions = progress();
  /** Those who wait for a list that begins after they came. */
  let waiting: Waiter[] = [];
  /** Ends a watch or a pause, but not a list. */
  let interruption = new AbortController();
  let tried: Place | undefined;
  /** Where the objects are, while they are followed. */
  let place: Place | undefined;
  let known = 0;

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      const waiters = waiting;
      waiting = [];
      if (waiters.length > 0) versions.forget();
      // Not AbortSignal.any: what it makes of a signal that lives long is not freed before that.
      interruption = new AbortController();
      const { signal } = interruption;
      try {
        if (versions.current === undefined) await list();
        for (const { done } of waiters.splice(0)) done();
        if (waiting.length === 0) await watch(signal);
      } catch (error) {
        if (!signal.aborted) await recover(error, waiters.splice(0), signal);
        // One who came meanwhile waits for the next list; so do those for whom this one was.
        else waiting.push(...waiters);
      }
    }
    for (const { failed } of waiting) failed(notFollowed());
  }

  async function list(): Promise<void> {
    const unknown = new Map<string, string>();
    for (const fresh of [false, true]) {
      for (const candidate of await places(fresh)) {
        if (unknown.has(candidate.path)) continue;
        tried = candidate;
        try {
          await listPlace(candidate);
          return;
        } catch (error) {
          if (!isUnknownKind(error)) throw error;
          unknown.set(candidate.path, error.message);
          await confirmUnknownKind(client, candidate.path, times.confirmMs, stopped.signal);
        }
      }
    }
    throw new NowhereError([...unknown.values()].join('; '));
  }

  async function listPlace(candidate: Place): Promise<void> {
    const pages = listPages(client, { path: candidate.path, signal: stopped.signal });
    let count = 0;
    let next = await pages.next();
    for (; !next.done; next = await pages.next()) {
      const { objects, first } = next.value;
      count = (first ? 0 : count) + objects.length;
      listener.page(objects, first, candidate);
    }
    place = candidate;
    known = count;
    versions.reach(next.value);
    listener.listed();
    follows();
  }

  async function watch(signal: AbortSignal): Promise<void> {
    if (place === undefined) return;
    const began = performance.now();
    const pieces = await client.watch({
      path: place.path,
      query: {
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: versions.current,
        timeoutSeconds: Math.round((times.watchMs * (1 + Math.random())) / 1000),
      },
      signal,
    });
    follows();
    for await (const events of pieces) take(events, place);
    // One that ends at once is no way to follow anything.
    if (performance.now() - began < times.retry.firstMs) await pause(times.retry.firstMs, signal);
  }

  function take(events: readonly unknown[], from: Place): void {
    const changes: Change[] = [];
    let version: string | undefined;
    let failure: ApiError | undefined;
    for (const event of events) {
      const type = textIn(event, 'type');
      const object = mapIn(event, 'object');
      if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') changes.push({ type, object });
      else if (type !== 'BOOKMARK') failure = watchError(from, type, object);
      if (failure !== undefined) break;
      version = versionOf(object) ?? version;
    }
    if (changes.length > 0) listener.changes(changes, from);
    if (version !== undefined) {
      versions.reach(version);
      again.reset();
    }
    if (failure !== undefined) throw failure;
  }

  async function recover(error: unknown, waiters: readonly Waiter[], signal: AbortSignal): Promise<void> {
    if (error instanceof NowhereError) {
      followsNothing(error);
      for (const { done } of waiters) done();
      await pause(times.unknownMs * (1 + Math.random()), signal);
      return;
    }
    // A connection that has just ended is no reason for those who wait, if another one can be had.
    if (error instanceof UnreachableError && retry.tries < QUIET_TRIES && (await connects())) waiting.push(...waiters);
    else for (const { failed } of waiters) failed(error);
    if (isExpired(error) || isUnknownKind(error)) await forget(signal);
    else if (error instanceof UnreachableError || error instanceof AccessError) await reach(error, signal);
    else await pauseAfter(error, signal);
    // What went wrong once is tried again at once.
    if (retry.tries > 0) await pause(retry.next(), signal);
    else retry.next();
  }

  async function forget(signal: AbortSignal): Promise<void> {
    versions.forget();
    if (again.tries > 0) await pause(again.next(), signal);
    else again.next();
  }

  async function connects(): Promise<boolean> {
    try {
      await client.connect();
      return true;
    } catch (error) {
      if (error instanceof UnreachableError || error instanceof AccessError) return false;
      throw error;
    }
  }

  async function reach(error: Error, signal: AbortSignal): Promise<void> {
    await reconnected(signal);
    if (!signal.aborted && (await wentBack())) versions.forget();
    if (retry.tries > QUIET_TRIES) tell('failing', error);
  }

  async function pauseAfter(error: unknown, signal: AbortSignal): Promise<void> {
    const transient = isTransient(error);
    if (!transient || retry.tries > QUIET_TRIES) tell(transient ? 'failing' : 'refused', error);
    const asked = error instanceof ApiError ? error.retryAfterMs : undefined;
    if (asked !== undefined || retry.tries === 0)
      await pause(Math.min(asked ?? times.retry.firstMs, MOST_PATIENCE_MS), signal);
  }

  function tell(is: 'failing' | 'refused', error: unknown): void {
    listener.trouble({ is, message: error instanceof Error ? error.message : String(error) }, place ?? tried);
  }

  function follows(): void {
    retry.reset();
    listener.trouble(undefined, place);
  }

  function followsNothing({ message }: NowhereError): void {
    versions.forget();
    place = undefined;
    known = 0;
    if (tried !== undefined) listener.page([], true, tried);
    listener.listed();
    listener.trouble({ is: 'unknown', message }, tried);
  }

  /** Whether the server's data are older than what was seen of them: restored from a backup, or begun anew. */
  async function wentBack(): Promise<boolean> {
    if (place === undefined || versions.current === undefined) return false;
    try {
      const now = await versionNow(place);
      return now !== undefined && (compareVersions(now, versions.current) ?? 0) < 0;
    } catch (error) {
      // The watch that follows meets the same trouble, and deals with it.
      if (error instanceof ApiError || error instanceof UnreachableError) return false;
      throw error;
    }
  }

  async function versionNow({ path }: Place): Promise<string | undefined> {
    return versionOf(await client.request({ path, query: { limit: 1 }, signal: stopped.signal }));
  }

  function listAgain(): Promise<void> {
    return new Promise((done, failed) => {
      waiting.push({ done, failed });
      interruption.abort();
    });
  }

  const running = run();
  return {
    async catchUp() {
      if (stopped.signal.aborted) throw notFollowed();
      // A list of one page costs no more than to ask how far the server is.
      if (known <= PAGE || place === undefined) return listAgain();
      const target = await versionNow(place).catch(unlessUnreachable);
      if (target === undefined || !(await versions.reached(target, times.bringMs))) await listAgain();
    },
    async stop() {
      stopped.abort();
      interruption.abort();
      await running;
    },
  };
}

/** Who lists again finds out. */
function unlessUnreachable(error: unknown): undefined {
  if (!(error instanceof UnreachableError)) throw error;
}

/** No place has the kind. */
class NowhereError extends Error {}

function watchError({ path }: Place, type: string | undefined, object: unknown): ApiError {
  const what = `watch of ${path}`;
  // What is no event at all leaves no way but to list again.
  return type === 'ERROR'
    ? apiError(what, numberIn(object, 'code') ?? 500, object)
    : apiError(what, 410, `an event of type '${type}'`);
}

function notFollowed(): Error {
  return new Error('the datastore is not followed any more');
}
