import { isDeepStrictEqual } from 'node:util';
import { keyText, type Parsed } from '../../resources/resource.js';
import type { Problem, Problems, SourceEvent } from '../source.js';
import type { FileContent, FileObject } from './reader.js';

interface FileEntry {
  /** Its objects, as texts of their keys. */
  keys: readonly string[];
  unreadable: boolean;
  problems: readonly Problem[];
  /** Not there at the moment, but not yet counted as removed. */
  away: boolean;
}

interface Candidate extends FileObject {
  readonly file: string;
}

interface KnownObject {
  /** One for each file that has it. */
  candidates: readonly Candidate[];
  sent: Candidate | undefined;
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
  const objects = new Map<string, KnownObject>();
  /** The problems of a file as they were last told; none for a file without. */
  const told = new Map<string, string>();
  const dirtyKeys = new Set<string>();
  const dirtyFiles = new Set<string>();

  function entryOf(file: string): FileEntry {
    let entry = files.get(file);
    if (entry === undefined) {
      entry = { keys: [], unreadable: false, problems: [], away: false };
      files.set(file, entry);
    }
    return entry;
  }

  function touch(text: string): void {
    dirtyKeys.add(text);
    for (const { file } of objects.get(text)?.candidates ?? []) dirtyFiles.add(file);
  }

  function replaceObjects(file: string, entry: FileEntry, candidates: ReadonlyMap<string, Candidate>): void {
    for (const text of entry.keys) {
      touch(text);
      if (!candidates.has(text)) setCandidate(text, file, undefined);
    }
    for (const [text, candidate] of candidates) {
      setCandidate(text, file, candidate);
      touch(text);
    }
    entry.keys = [...candidates.keys()];
  }

  /** A document that can't be identified may be an object that the file had: while it is there, that one is not gone. */
  function candidatesOf(file: string, { objects: found, problems }: FileContent, entry: FileEntry) {
    const candidates = new Map<string, Candidate>();
    for (const object of found) {
      const text = keyText(object.key);
      if (!candidates.has(text)) candidates.set(text, { file, ...object, parsed: knownOr(text, file, object.parsed) });
    }
    for (const text of problems.length > 0 ? entry.keys : []) {
      const candidate = candidateIn(text, file);
      if (candidate === undefined || candidates.has(text)) continue;
      if (problems.some(({ name }) => (name ?? candidate.key.name) === candidate.key.name))
        candidates.set(text, candidate);
    }
    return candidates;
  }

  /** What a file holds again is the same value as before: others keep that one too. */
  function knownOr(text: string, file: string, parsed: Parsed): Parsed {
    const known = candidateIn(text, file)?.parsed;
    return known !== undefined && isDeepStrictEqual(known, parsed) ? known : parsed;
  }

  function candidateIn(text: string, file: string): Candidate | undefined {
    return objects.get(text)?.candidates.find((one) => one.file === file);
  }

  function setCandidate(text: string, file: string, candidate: Candidate | undefined): void {
    const known = objects.get(text);
    const others = known?.candidates.filter((one) => one.file !== file) ?? [];
    const candidates = candidate === undefined ? others : others.concat(candidate);
    if (known === undefined) objects.set(text, { candidates, sent: undefined });
    else known.candidates = candidates;
  }

  function winnerOf(text: string): Candidate | undefined {
    let best: Candidate | undefined;
    for (const candidate of objects.get(text)?.candidates ?? []) {
      if (best === undefined || before(candidate.file, best.file)) best = candidate;
    }
    return best;
  }

  function before(a: string, b: string): boolean {
    const awayA = files.get(a)?.away ?? false;
    const awayB = files.get(b)?.away ?? false;
    return awayA === awayB ? a < b : awayB;
  }

  function eventOf(text: string): SourceEvent | undefined {
    const known = objects.get(text);
    const last = known?.sent;
    const winner = winnerOf(text);
    if (known === undefined || winner === undefined) {
      objects.delete(text);
      return last && { type: 'delete', key: last.key };
    }
    const { file, key, parsed, line } = winner;
    if (last?.file === file && isDeepStrictEqual(last.parsed, parsed)) return undefined;
    known.sent = winner;
    return { type: 'update', key, origin: { file, line }, parsed };
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
    for (const text of entry.keys) {
      const winner = winnerOf(text);
      if (winner === undefined || winner.file === file) continue;
      const { key } = winner;
      const line = candidateIn(text, file)?.line ?? 0;
      const name = key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`;
      const message = `${key.kind} ${name} is also in ${winner.file}, which sorts first and counts; the one in ${file} is ignored`;
      found.push({ key, line, issue: { path: '', code: 'second-definition', message, line } });
    }
    return found;
  }

  return {
    put(file, content) {
      const entry = entryOf(file);
      if (!content.unreadable) replaceObjects(file, entry, candidatesOf(file, content, entry));
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
      for (const text of entry.keys) touch(text);
    },
    hasObjects: (file) => (files.get(file)?.keys.length ?? 0) > 0,
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
