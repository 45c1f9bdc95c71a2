import type { Origin, Problems } from '../datastore/source.js';
import { type Issue, keyText, type ObjectKey } from '../resources/resource.js';

/** An object of which the version in the datastore does not count, as `margay status --json` shows it. */
export interface Quarantined {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly file?: string;
  readonly line?: number;
  readonly path: string;
  readonly code: string;
  readonly message: string;
  readonly inForce: 'last valid' | 'absent';
}

/** What the list is made from. */
export interface Judged {
  readonly key: ObjectKey;
  readonly origin: Origin;
  readonly inForce: unknown;
  readonly faults: readonly Issue[];
  /** Kept for a file of which it is not known whether it has the object. */
  readonly held: boolean;
}

/** Invalid and refused objects, those of files that can't be read, and second definitions; sorted by object, then file. */
export function listQuarantined(objects: Iterable<Judged>, files: readonly Problems[]): Quarantined[] {
  const listed: Quarantined[] = [];
  for (const object of objects) {
    const reasons = object.faults.length > 0 ? object.faults : fileReasons(object, files);
    if (reasons.length > 0) listed.push(entryOf(object.key, object.origin, reasons, object.inForce !== undefined));
  }
  for (const { file, problems } of files) {
    for (const { key, line, issue } of problems) {
      // This definition is not what counts, whatever does.
      if (key !== undefined) listed.push(entryOf(key, line === undefined ? { file } : { file, line }, [issue], false));
    }
  }
  return listed.sort((a, b) => compare(keyText(a), keyText(b)) || compare(a.file ?? '', b.file ?? ''));
}

/**
 * Whether the object may be in what can't be read there (the file, a file below the directory, a document without identity), so
 * that not to have come from there does not mean that it is gone.
 */
export function mayHide({ file, unreadable, problems }: Problems, key: ObjectKey, origin: Origin): boolean {
  if (unreadable && origin.file?.startsWith(`${file}/`)) return true;
  if (origin.file !== file) return false;
  return unreadable || problems.some((problem) => problem.key === undefined && (problem.name ?? key.name) === key.name);
}

function fileReasons({ key, origin, held }: Judged, files: readonly Problems[]): readonly Issue[] {
  // A whole kind is told once, not for each of its objects.
  const event = files.find(
    (event) => event.kind === undefined && (event.unreadable || held) && mayHide(event, key, origin),
  );
  return event?.problems.filter(({ key }) => key === undefined).map(({ issue }) => issue) ?? [];
}

function entryOf(key: ObjectKey, origin: Origin, issues: readonly Issue[], isInForce: boolean): Quarantined {
  const [first = { path: '', code: 'unknown', message: 'no reason was given' }, ...others] = issues;
  const line = first.line ?? origin.line;
  return {
    ...key,
    ...(origin.file === undefined ? {} : { file: origin.file }),
    ...(line === undefined ? {} : { line }),
    path: first.path,
    code: first.code,
    message: others.length === 0 ? first.message : `${first.message} (and ${others.length} more)`,
    inForce: isInForce ? 'last valid' : 'absent',
  };
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
