import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Paint } from '../../src/cli/paint.js';
import type { Lab, Service } from '../lab/lab.js';
import type { Outcome } from '../lab/traffic.js';

const PROBE_EVERY_MS = 5;
const PATIENCE_MS = 10_000;

/** A file before and after an edit. */
export interface Edit {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

/** Replaces text in a file, as an editor does that writes a new file and renames it. */
export function edit(path: string, from: string, to: string): Edit {
  const before = readFileSync(path, 'utf8');
  const after = before.replace(from, () => to);
  if (after === before) throw new Error(`${path} has no such text: ${from}`);
  write(path, after);
  return { path, before, after };
}

/** Takes an edit back. */
export function undo({ path, before }: Edit): void {
  write(path, before);
}

function write(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** The changed lines of a file, with two lines around them. The edit is at one place. */
export function difference({ before, after }: Edit, paint: Paint): string {
  const [old, young] = [before.split('\n'), after.split('\n')];
  const shorter = Math.min(old.length, young.length);
  let start = 0;
  while (start < shorter && old[start] === young[start]) start++;
  let end = 0;
  while (end < shorter - start && old.at(-1 - end) === young.at(-1 - end)) end++;
  // An insertion between equal lines has several readings; the first one begins where the writer began.
  while (old.length === start + end && start > 0 && young[start - 1] === young[young.length - end - 1]) {
    start--;
    end++;
  }
  const same = (lines: readonly string[]) => lines.map((line) => `    ${line}`);
  return [
    ...same(young.slice(Math.max(0, start - 2), start)),
    ...old.slice(start, old.length - end).map((line) => paint('red', `  - ${line}`)),
    ...young.slice(start, young.length - end).map((line) => paint('green', `  + ${line}`)),
    ...same(young.slice(young.length - end, young.length - end + 2)),
  ].join('\n');
}

/** Milliseconds from now until a probe has this outcome; probes start every few milliseconds. */
export async function timeUntil(
  lab: Lab,
  [from, to, service]: readonly [string, string, Service],
  wanted: Outcome,
): Promise<number> {
  const start = performance.now();
  let arrived: number | undefined;
  const probes: Promise<void>[] = [];
  while (arrived === undefined && performance.now() - start < PATIENCE_MS) {
    const probe = lab.probe(from, to, service).then((outcome) => {
      if (outcome === wanted) arrived ??= performance.now() - start;
    });
    probes.push(probe);
    await pause(PROBE_EVERY_MS);
  }
  await Promise.all(probes);
  if (arrived === undefined) throw new Error(`${from} -> ${to} ${service} was not ${wanted} within 10 s`);
  return arrived;
}
