import { resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Connection, Source, SourceEvent, SourceListener } from '../source.js';
import { directoryIdentity } from './directory-identity.js';
import { type FileTimes, type Followed, fileFollower } from './file-follower.js';
import { look } from './look.js';
import type { Reader } from './reader.js';

/** Times in ms. */
export interface FileSourceOptions extends Partial<FileTimes> {
  readonly reader: Reader;
  /** How often the directory itself is looked at: events tell neither of mounts nor that it is back. */
  readonly directoryPollMs?: number;
  /** How often everything is looked at, for changes of which there are no events (targets of links, network file systems). */
  readonly pollMs?: number;
}

const TIMES: FileTimes = { settleMs: 50, graceMs: 20, emptyMs: 500, restlessMs: 5000 };

interface Waiter {
  /** What was there at the call has been looked at; `paths` of it have not come to rest yet. */
  paths: Set<string> | undefined;
  readonly done: () => void;
  readonly lost: ((reason: string) => void) | undefined;
}

/**
 * Resources in `*.yaml`, `*.yml` and `*.json` files below a directory. A file that was moved there is taken at once, one that
 * is written in place when it has come to rest. A file that can't be read keeps its objects; while the directory is not
 * there, or is another than at the start, everything stays as it is.
 */
export function fileSource(directory: string, options: FileSourceOptions): Source {
  const root = resolve(directory);
  const { reader, directoryPollMs = 1000, pollMs = 10_000, ...times } = options;
  const follower = fileFollower(root, reader, { ...TIMES, ...times }, (path) => request(path));
  const waiters = new Set<Waiter>();
  let listener: SourceListener | undefined;
  let original: string | undefined;
  let connection: Connection | undefined;
  let requested = new Set<string>();
  let running: Promise<void> | undefined;
  let wake: NodeJS.Timeout | undefined;
  let directoryPoll: NodeJS.Timeout | undefined;
  let nextPoll = 0;
  let stopped = false;

  /** The first request is served at once, with all that the same turn brings; those that come meanwhile are served together. */
  function request(path?: string): void {
    if (listener === undefined || stopped) return;
    if (path !== undefined) requested.add(path);
    running ??= serve().finally(() => {
      running = undefined;
      if (requested.size > 0) request();
      else schedule();
    });
  }

  async function serve(): Promise<void> {
    do {
      await turn();
      const paths = requested;
      requested = new Set();
      await pass(paths);
    } while (requested.size > 0 && !stopped);
  }

  function schedule(): void {
    clearTimeout(wake);
    const due = follower.nextDue();
    if (due === undefined || stopped) return;
    // A ms more: timers count in whole ms and may be early by a part of one.
    wake = setTimeout(() => follower.requestDue(), Math.max(0, due - performance.now()) + 1);
  }

  async function pass(paths: ReadonlySet<string>): Promise<void> {
    if (stopped) return;
    const began = performance.now();
    const isFull = connection?.connected !== true || paths.has(root) || began >= nextPoll;
    const covered = [...waiters].filter((waiter) => waiter.paths === undefined);
    const result = isFull ? await followAll() : await follower.followPaths(paths);
    if (result.is === 'lost') return lose(result.reason);
    // What was read is what is in the directory only if it has not been exchanged meanwhile.
    const still = await lookAtDirectory();
    if (typeof still === 'string') return lose(still);
    if (stopped) return;
    connect();
    deliver(result.apply());
    // A poll takes one hundredth of the time, however many files there are.
    const now = performance.now();
    if (isFull) nextPoll = now + Math.max(pollMs, 100 * (now - began));
    if (isFull) for (const waiter of covered) waiter.paths = new Set(follower.restless());
    release();
  }

  async function followAll(): Promise<Followed> {
    const there = await lookAtDirectory();
    return typeof there === 'string' ? { is: 'lost', reason: there } : follower.followAll(there);
  }

  /** What the directory is, or why it is not the one of the start. */
  async function lookAtDirectory() {
    const there = await look(root);
    if (there.is === 'unreadable') return there.issue.message;
    if (there.is === 'gone') return `${root} does not exist`;
    if (there.is === 'file') return `${root} is not a directory`;
    const identity = await directoryIdentity(there.stat);
    original ??= identity;
    if (identity === original) return there.stat;
    return `${root} is another directory than at the start (${identity}, it was ${original}): nothing in it counts until the former is back, or the agent is restarted`;
  }

  function connect(): void {
    if (connection?.connected === true) return;
    connection = { connected: true };
    listener?.connection(connection);
  }

  function lose(reason: string): void {
    if (stopped) return;
    follower.lose();
    for (const waiter of waiters) {
      waiter.paths = undefined;
      if (waiter.lost === undefined) continue;
      waiters.delete(waiter);
      waiter.lost(reason);
    }
    if (connection?.connected === false && connection.reason === reason) return;
    connection = { connected: false, reason };
    listener?.connection(connection);
  }

  function deliver(events: readonly SourceEvent[]): void {
    if (events.length > 0) listener?.events(events);
  }

  function release(): void {
    for (const waiter of waiters) {
      if (waiter.paths === undefined) continue;
      for (const path of waiter.paths) if (!follower.isRestless(path)) waiter.paths.delete(path);
      if (waiter.paths.size > 0) continue;
      waiters.delete(waiter);
      waiter.done();
    }
  }

  return {
    url: `file:${directory}`,
    start(to) {
      listener = to;
      waiters.add({ paths: undefined, done: () => to.inSync(), lost: undefined });
      directoryPoll = setInterval(() => request(), directoryPollMs);
      request(root);
    },
    catchUp() {
      return new Promise((done, reject) => {
        if (stopped || listener === undefined) return reject(new Error(`file:${directory} is not being followed`));
        const lost = (reason: string): void => reject(new Error(reason));
        waiters.add({ paths: undefined, done, lost });
        request(root);
      });
    },
    async stop() {
      stopped = true;
      clearTimeout(wake);
      clearInterval(directoryPoll);
      await running;
      follower.close();
      for (const waiter of waiters) waiter.lost?.(`file:${directory} is not followed any more`);
      waiters.clear();
    },
  };
}
