import type { BigIntStats } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import type { Issue } from '../../resources/resource.js';
import type { SourceEvent } from '../source.js';
import { identityOf, issueOf, versionOf } from './look.js';
import { objectTable } from './object-table.js';
import { type Reading, readObjectFile, unreadable } from './read-file.js';
import type { FileContent, Reader } from './reader.js';
import { settling } from './settling.js';
import { survey } from './survey.js';
import type { Found } from './walk.js';

/** How long to wait for what, in ms. */
export interface FileTimes {
  /** A file that is written to in place counts when it has not changed for so long. */
  readonly settleMs: number;
  /** A file that is missing, or can't be looked at, may be back after so long: editors delete and write anew. */
  readonly graceMs: number;
  /** A file that had objects and is empty is likely to be one that is being written. */
  readonly emptyMs: number;
  /** A file that has not come to rest for so long is a problem; what it had stays. */
  readonly restlessMs: number;
}

/** Takes what is in the files into account, each in its time. */
export interface FileFollower {
  /**
   * Looks at all of the directory and reads what has changed. Nothing counts before `apply` of the result is called, so that
   * the caller can make sure that the directory is still the same.
   */
  followAll(directory: BigIntStats): Promise<Followed>;
  /** The same for some paths. */
  followPaths(paths: ReadonlySet<string>): Promise<Followed>;
  /** Paths that are still to come to rest, except those that take too long. */
  restless(): Iterable<string>;
  isRestless(path: string): boolean;
  nextDue(): number | undefined;
  /** Requests another look at what may have come to rest. */
  requestDue(): void;
  /** The directory is lost: what is known stays, and all of it is looked at again next time. */
  lose(): void;
  close(): void;
}

export type Followed =
  | { readonly is: 'followed'; apply(): SourceEvent[] }
  /** The directory itself can't be listed. */
  | { readonly is: 'lost'; readonly reason: string };

const GONE = 'gone';
/** In place of the version of what was read: another try is worth while although nothing has changed. */
const AGAIN = 'again';

/** So many are read without letting others have a turn: some 5 ms. */
const FILES_PER_TURN = 32;

/** What is to be done about a path. */
type Step =
  | { readonly do: 'keep' | 'wait' | 'remove' }
  | { readonly do: 'read'; readonly stat: BigIntStats }
  | { readonly do: 'tell'; readonly issue: Issue };

interface Decision {
  readonly path: string;
  /** What was seen: of a file `versionOf`, else a word that no version is equal to. */
  readonly version: string;
  readonly step: Step;
}

export function fileFollower(
  root: string,
  reader: Reader,
  times: FileTimes,
  request: (path: string) => void,
): FileFollower {
  const table = objectTable();
  const rest = settling();
  /** Versions, as `Decision` has them. */
  const taken = new Map<string, string>();
  /** Those that have been restless for too long, which has been told. */
  const given = new Set<string>();
  const around = survey(root, { dirty: request, unwatched: tellUnwatched, isKnown });

  async function follow(visited: ReadonlySet<string>, found: Found): Promise<Followed> {
    const rootIssue = found.unreadable.get(root);
    if (rootIssue !== undefined) return { is: 'lost', reason: rootIssue.message };
    const decisions = decide(found, around.missing(visited, taken.keys(), found));
    const readings = await readAll(decisions);
    return {
      is: 'followed',
      apply() {
        for (const path of found.unchanged) keep(path);
        for (const decision of decisions) carryOut(decision, readings.get(decision.path));
        return table.flush();
      },
    };
  }

  function decide(found: Found, missing: readonly string[]): Decision[] {
    const decisions: Decision[] = [];
    for (const [path, there] of found.files) {
      decisions.push(there.is === 'file' ? decideFile(path, there.stat) : decideTrouble(path, there.issue));
    }
    for (const [path, issue] of found.unreadable) decisions.push(decideTrouble(path, issue));
    for (const path of missing) {
      if (taken.has(path)) decisions.push(onceSettled(path, GONE, graceOf(path), { do: 'remove' }));
      else rest.settled(path);
    }
    return decisions;
  }

  /** While others are being written a file is not yet counted as removed: its objects may be on the way to one of them. */
  function graceOf(path: string): number {
    const written = rest.lastDue((other, version) => version !== GONE && !given.has(other)) ?? 0;
    const seen = rest.seenSince(path, GONE, performance.now());
    return Math.max(times.graceMs, Math.min(written - seen, times.emptyMs));
  }

  function decideFile(path: string, stat: BigIntStats): Decision {
    const version = versionOf(stat);
    if (isKnown(path, stat)) return { path, version, step: { do: 'keep' } };
    return onceSettled(path, version, needOf(path, stat), { do: 'read', stat });
  }

  /** How long the file must look as it does. */
  function needOf(path: string, stat: BigIntStats): number {
    const identity = identityOf(stat);
    const isEmpty = stat.size === 0n;
    const isNew = taken.get(path)?.startsWith(`${identity} `) !== true && !rest.isWaiting(path, identity);
    if (isNew && !isEmpty && around.movedIn(path)) return 0;
    const need = isEmpty && table.hasObjects(path) ? times.emptyMs : times.settleMs;
    const age = Date.now() - Number(stat.mtimeNs / 1_000_000n);
    return age > need ? 0 : need;
  }

  function decideTrouble(path: string, issue: Issue): Decision {
    const version = `unreadable ${issue.code}`;
    if (taken.get(path) === version) return { path, version, step: { do: 'keep' } };
    return onceSettled(path, version, times.graceMs, { do: 'tell', issue });
  }

  function isKnown(path: string, stat: BigIntStats): boolean {
    return taken.get(path) === versionOf(stat);
  }

  function onceSettled(path: string, version: string, need: number, step: Step): Decision {
    const wait = rest.observe(path, version, need, performance.now());
    return { path, version, step: wait > 0 ? { do: 'wait' } : step };
  }

  async function readAll(decisions: readonly Decision[]): Promise<Map<string, Reading>> {
    const readings = new Map<string, Reading>();
    const movedIn = decisions.filter(({ step, path }) => step.do === 'read' && around.movedIn(path));
    for (const { path, step } of decisions) {
      if (step.do !== 'read') continue;
      if (readings.size % FILES_PER_TURN === FILES_PER_TURN - 1) await turn();
      readings.set(path, readObjectFile(path, step.stat, reader));
    }
    // If one is being written where it is, its event is there after two turns; one may be a turn that had begun.
    if (movedIn.length > 0) await turn();
    if (movedIn.length > 0) await turn();
    for (const { path } of movedIn) if (!around.movedIn(path)) readings.set(path, { is: 'changed' });
    return readings;
  }

  function carryOut({ path, version, step }: Decision, reading: Reading | undefined): void {
    table.setAway(path, version === GONE);
    if (step.do === 'keep') settle(path);
    else if (step.do === 'wait') giveUp(path);
    else if (step.do === 'remove') remove(path);
    else if (step.do === 'tell') take(path, unreadable(step.issue), version);
    else if (step.do === 'read' && reading?.is === 'content') {
      take(path, reading.content, reading.lasting ? version : `${identityOf(step.stat)} ${AGAIN}`);
    } else request(path);
  }

  function keep(path: string): void {
    table.setAway(path, false);
    settle(path);
  }

  function remove(path: string): void {
    table.remove(path);
    taken.delete(path);
    settle(path);
  }

  function take(path: string, content: FileContent, as: string): void {
    table.put(path, content);
    taken.set(path, as);
    settle(path);
  }

  function settle(path: string): void {
    rest.settled(path);
    around.forgetWrites(path);
    given.delete(path);
  }

  function giveUp(path: string): void {
    if (given.has(path) || rest.restless(path, performance.now()) < times.restlessMs) return;
    given.add(path);
    // One that has never been taken has to be known for its end to be told.
    if (!taken.has(path)) taken.set(path, AGAIN);
    const message = `${path} has been changing for ${times.restlessMs} ms; what it had counts until it comes to rest`;
    table.put(path, unreadable(issueOf('restless', message)));
  }

  function tellUnwatched(directory: string, code: string | undefined): void {
    // With a slash it is about watching; the same path without is about listing.
    const path = `${directory}/`;
    const message = `${directory} can't be watched (${code}), so changes in it are seen late, by looking from time to time`;
    if (code === undefined) table.remove(path);
    else table.put(path, { unreadable: false, objects: [], problems: [{ issue: issueOf('unwatched', message) }] });
  }

  return {
    async followAll(directory) {
      return follow(new Set([root]), await around.everything(directory));
    },
    async followPaths(paths) {
      return follow(paths, await around.paths(paths));
    },
    *restless() {
      for (const path of rest.paths()) if (!given.has(path)) yield path;
    },
    isRestless: (path) => rest.has(path) && !given.has(path),
    nextDue: () => rest.nextDue(),
    requestDue() {
      for (const path of rest.paths()) request(path);
    },
    lose() {
      for (const path of taken.keys()) table.setAway(path, false);
      rest.clear();
      given.clear();
      around.close();
    },
    close() {
      around.close();
    },
  };
}
