import { isDeepStrictEqual } from 'node:util';
import { keyText, type ObjectKey, type Parsed } from '../../resources/resource.js';
import type { Problem, Problems, SourceEvent } from '../source.js';
import type { FileContent, FileObject } from './reader.js';

interface FileEntry {
  objects: Map<string, FileObject>;
  unreadable: boolean;
  problems: readonly Problem[];
  /** Not there at the moment, but not yet counted as removed. */
  away: boolean;
}

/** Which object is in which file, and what the listener of the source has to be told about it. */
export interface ObjectTable {
  /** The file was read; an unreadable one keeps the objects that it had. */
  put(file: string, content: FileContent): void;
  /** The file is gone for good, and its objects with it. */
  remove(file: string): void;
  /** The file is missing for the moment: others that have the same objects take precedence. */
  setAway(file: string, away: boolean): void;
  hasObjects(file: string): boolean;
  /** All files and directories that something is known about. */
  files(): Iterable<string>;
  /** The differences since the last call: updates, then deletions, then problems. */
  flush(): SourceEvent[];
}

const NO_PROBLEMS = JSON.stringify({ unreadable: false, problems: [] });

/**
 * An object that is in several files counts as it is in the path that sorts first; when that one goes, the next takes over.
 * The parsed objects kept here are the ones that were handed out, so keeping them costs a reference each.
 */
export function objectTable(): ObjectTable {
  const files = new Map<string, FileEntry>();
  const holders = new Map<string, Set<string>>();
  const sent = new Map<string, { file: string; key: ObjectKey; parsed: Parsed }>();
  /** The problems of a file as they were last told; none for a file without. */
  const told = new Map<string, string>();
  const dirtyKeys = new Set<string>();
  const dirtyFiles = new Set<string>();

  function entryOf(file: string): FileEntry {
    let entry = files.get(file);
    if (entry === undefined) {
      entry = { objects: new Map(), unreadable: false, problems: [], away: false };
      files.set(file, entry);
    }
    return entry;
  }

  function touch(text: string): void {
    dirtyKeys.add(text);
    for (const file of holders.get(text) ?? []) dirtyFiles.add(file);
  }

  function replaceObjects(file: string, entry: FileEntry, objects: Map<string, FileObject>): void {
    for (const text of entry.objects.keys()) {
      touch(text);
      if (!objects.has(text)) holders.get(text)?.delete(file);
      if (holders.get(text)?.size === 0) holders.delete(text);
    }
    for (const text of objects.keys()) {
      const own = holders.get(text) ?? new Set();
      holders.set(text, own.add(file));
      touch(text);
    }
    entry.objects = objects;
  }

  function winnerOf(text: string): string | undefined {
    let best: string | undefined;
    for (const file of holders.get(text) ?? []) {
      if (best === undefined || before(file, best)) best = file;
    }
    return best;
  }

  function before(a: string, b: string): boolean {
    const awayA = files.get(a)?.away ?? false;
    const awayB = files.get(b)?.away ?? false;
    return awayA === awayB ? a < b : awayB;
  }

  function eventOf(text: string): SourceEvent | undefined {
    const last = sent.get(text);
    const file = winnerOf(text);
    const object = file === undefined ? undefined : files.get(file)?.objects.get(text);
    if (file === undefined || object === undefined) {
      sent.delete(text);
      return last && { type: 'delete', key: last.key };
    }
    const { key, parsed, line } = object;
    const same = last?.file === file && isDeepStrictEqual(last.parsed, parsed);
    if (!same) sent.set(text, { file, key, parsed });
    return same ? undefined : { type: 'update', key, origin: { file, line }, parsed };
  }

  function problemsOf(file: string): Problems | undefined {
    const entry = files.get(file);
    const unreadable = entry?.unreadable ?? false;
    const problems = entry === undefined ? [] : [...entry.problems, ...secondOnes(file, entry)];
    const text = JSON.stringify({ unreadable, problems });
    if (text === (told.get(file) ?? NO_PROBLEMS)) return undefined;
    if (text === NO_PROBLEMS) told.delete(file);
    else told.set(file, text);
    return { type: 'problems', file, unreadable, problems };
  }

  function secondOnes(file: string, entry: FileEntry): Problem[] {
    if (entry.away) return [];
    const found: Problem[] = [];
    for (const [text, { key, line }] of entry.objects) {
      const winner = winnerOf(text);
      if (winner === undefined || winner === file) continue;
      const name = key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`;
      const message = `${key.kind} ${name} is also in ${winner}, which sorts first and counts; the one in ${file} is ignored`;
      found.push({ key, line, issue: { path: '', code: 'second-definition', message, line } });
    }
    return found;
  }

  return {
    put(file, content) {
      const entry = entryOf(file);
      if (!content.unreadable) replaceObjects(file, entry, objectsOf(content, entry));
      entry.unreadable = content.unreadable;
      entry.problems = [...content.problems, ...repeated(content)];
      entry.away = false;
      dirtyFiles.add(file);
    },
    remove(file) {
      const entry = files.get(file);
      if (entry === undefined) return;
      replaceObjects(file, entry, new Map());
      files.delete(file);
      dirtyFiles.add(file);
    },
    setAway(file, away) {
      const entry = files.get(file);
      if (entry === undefined || entry.away === away) return;
      entry.away = away;
      dirtyFiles.add(file);
      for (const text of entry.objects.keys()) touch(text);
    },
    hasObjects: (file) => (files.get(file)?.objects.size ?? 0) > 0,
    files: () => files.keys(),
    flush() {
      const changes = [...dirtyKeys].map(eventOf).filter((event) => event !== undefined);
      const problems = [...dirtyFiles].map(problemsOf).filter((event) => event !== undefined);
      dirtyKeys.clear();
      dirtyFiles.clear();
      const isUpdate = (event: SourceEvent): boolean => event.type === 'update';
      return [...changes.filter(isUpdate), ...changes.filter((event) => !isUpdate(event)), ...problems];
    },
  };
}

/** A document that can't be identified may be an object that the file had: while it is there, that one is not gone. */
function objectsOf(content: FileContent, entry: FileEntry): Map<string, FileObject> {
  const objects = new Map<string, FileObject>();
  for (const object of content.objects) {
    const text = keyText(object.key);
    if (!objects.has(text)) objects.set(text, object);
  }
  for (const [text, object] of entry.objects) {
    const mayBe = (problem: Problem): boolean => (problem.name ?? object.key.name) === object.key.name;
    if (!objects.has(text) && content.problems.some(mayBe)) objects.set(text, object);
  }
  return objects;
}

/** The same object twice in one file: the first counts. */
function repeated(content: FileContent): Problem[] {
  const first = new Map<string, number>();
  const found: Problem[] = [];
  for (const { key, line } of content.objects) {
    const text = keyText(key);
    const at = first.get(text);
    if (at === undefined) {
      first.set(text, line);
      continue;
    }
    const message = `${text} is also in line ${at} of this file, which counts; the one in line ${line} is ignored`;
    found.push({ key, line, issue: { path: '', code: 'second-definition', message, line } });
  }
  return found;
}
