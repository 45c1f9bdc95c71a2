import { isDeepStrictEqual } from 'node:util';
import type { Origin, Problems, SourceEvent, Update } from '../datastore/source.js';
import type { Resource } from '../resources/kinds.js';
import { type Issue, keyText, type ObjectKey } from '../resources/resource.js';
import type { JournalChange, JournalEntry, RestoredEntry } from './object-journal.js';
import { listQuarantined, mayHide, type Quarantined } from './quarantined.js';

/** What the policy calculation has to take in, in this order. */
export type Change = { readonly upsert: Resource } | { readonly remove: ObjectKey };

/**
 * Decides which version of each object counts: the one in the datastore if it is valid and the kernel takes it, else the last
 * one that was. Pure state: what is returned as changes is for the policy calculation.
 */
export interface Admission {
  /** Before all else: what was in force when the agent ended stands in for objects that come invalid or can't be read. */
  restore(entries: Iterable<RestoredEntry>): void;
  events(events: readonly SourceEvent[]): Change[];
  /** The first snapshot is complete: what has not come by now is not in the datastore any more. */
  inSync(): void;
  /** The state of now is what the next transaction is made from; `committed` and `refuse` are about the last mark. */
  mark(): void;
  /** The kernel has the marked state. Returns what the journal has to note. */
  committed(): JournalChange[];
  /** The kernel refused the marked state because of this object: its last committed version counts until the object changes. */
  refuse(key: ObjectKey, issue: Issue): Change[];
  /** All that the journal should hold now, for its compaction. */
  journalEntries(): JournalEntry[];
  quarantined(): Quarantined[];
  /** Files with problems as last told; a file that can't be read may have no object to be listed under. */
  problems(): Problems[];
  /** What is to be told about objects although they count. */
  warnings(): { readonly key: ObjectKey; readonly origin: Origin; readonly issue: Issue }[];
}

interface Entry {
  readonly key: ObjectKey;
  origin: Origin;
  /** It is in the datastore. If not, it is kept because it is `held`, or until the removal is committed. */
  present: boolean;
  /** It was in force before the restart and its file can't be read. */
  held: boolean;
  inForce: Resource | undefined;
  committed: Resource | undefined;
  /** The version that the kernel refused, while it is the one in the datastore. */
  refused: Resource | undefined;
  /** Why the version in the datastore does not count; empty if it does. */
  faults: readonly Issue[];
  warnings: readonly Issue[];
  noted: JournalEntry | undefined;
}

export function admission(): Admission {
  const entries = new Map<string, Entry>();
  const held = new Set<Entry>();
  const files = new Map<string, Problems>();
  /** What was in force before the restart and has not come yet. */
  const journal = new Map<string, RestoredEntry>();
  const forgotten: ObjectKey[] = [];
  const uncommitted = new Set<Entry>();
  let marked = new Map<Entry, Resource | undefined>();

  /** `resource` is what it is now, if that is valid. */
  function entryOf(key: ObjectKey, origin: Origin, resource?: Resource): Entry {
    const text = keyText(key);
    const known = entries.get(text);
    if (known !== undefined) return known;
    // The kernel has taken what was in force before the restart: it is what to go back to.
    const noted = notedOf(journal.get(text), resource);
    journal.delete(text);
    const nothing = { present: false, held: false, inForce: undefined, refused: undefined, faults: [], warnings: [] };
    const entry: Entry = { key, origin, ...nothing, committed: noted?.resource, noted };
    entries.set(text, entry);
    return entry;
  }

  /** After a restart most objects are as they were: what was noted need then be neither validated nor kept. */
  function notedOf(restored: RestoredEntry | undefined, now: Resource | undefined): JournalEntry | undefined {
    if (restored === undefined) return undefined;
    const { key, origin, written } = restored;
    const resource = now !== undefined && isDeepStrictEqual(now, written) ? now : restored.revived();
    return resource && { key, origin, resource };
  }

  function putInForce(entry: Entry, resource: Resource | undefined): Change[] {
    uncommitted.add(entry);
    if (resource === entry.inForce) return [];
    entry.inForce = resource;
    return [resource === undefined ? { remove: entry.key } : { upsert: resource }];
  }

  function update({ key, origin, parsed }: Update): Change[] {
    const isFirst = !entries.has(keyText(key));
    const entry = entryOf(key, origin, parsed.valid ? parsed.resource : undefined);
    Object.assign(entry, { origin, present: true, warnings: parsed.warnings });
    setHeld(entry, false);
    if (parsed.valid) return admit(entry, parsed.resource);
    entry.faults = parsed.issues;
    entry.refused = undefined;
    return putInForce(entry, isFirst ? entry.committed : entry.inForce);
  }

  function admit(entry: Entry, resource: Resource): Change[] {
    // A datastore that is listed again tells again the version that the kernel has refused.
    if (entry.refused !== undefined && isDeepStrictEqual(resource, entry.refused)) return [];
    entry.refused = undefined;
    entry.faults = [];
    // A version that is known already is the same object, so that a refusal of it is one of that version.
    const known = [entry.inForce, entry.committed].find((version) => isDeepStrictEqual(version, resource));
    return putInForce(entry, known ?? resource);
  }

  function remove(entry: Entry): Change[] {
    Object.assign(entry, { present: false, refused: undefined, faults: [], warnings: [] });
    setHeld(entry, false);
    return putInForce(entry, undefined);
  }

  function setHeld(entry: Entry, isHeld: boolean): void {
    entry.held = isHeld;
    if (isHeld) held.add(entry);
    else held.delete(entry);
  }

  function problems(event: Problems): Change[] {
    if (event.problems.length === 0 && !event.unreadable) files.delete(event.file);
    else files.set(event.file, event);
    return [...hold(event), ...letGo()];
  }

  /** Objects that the file had before the restart stay until it can be read. */
  function hold(event: Problems): Change[] {
    const hidden = [...journal.values()].filter(({ key, origin }) => mayHide(event, key, origin));
    return hidden.flatMap(({ key, origin }) => {
      const entry = entryOf(key, origin);
      setHeld(entry, true);
      return putInForce(entry, entry.committed);
    });
  }

  /** What has not come from a file that can be read now is gone. */
  function letGo(): Change[] {
    if (held.size === 0) return [];
    const events = [...files.values()];
    const free = [...held].filter(({ key, origin }) => !events.some((event) => mayHide(event, key, origin)));
    return free.flatMap(remove);
  }

  function commit(entry: Entry, resource: Resource | undefined): JournalChange[] {
    entry.committed = resource;
    if (entry.inForce === resource) uncommitted.delete(entry);
    const { key, origin, noted } = entry;
    if (resource === undefined) {
      if (entry.inForce === undefined && !entry.present) entries.delete(keyText(key));
      entry.noted = undefined;
      return noted === undefined ? [] : [{ drop: key }];
    }
    if (noted?.resource === resource && noted.origin.file === origin.file) return [];
    entry.noted = { key, origin, resource };
    return [{ put: entry.noted }];
  }

  return {
    restore(restored) {
      for (const entry of restored) journal.set(keyText(entry.key), entry);
    },
    events(events) {
      return events.flatMap((event) => {
        if (event.type === 'update') return update(event);
        if (event.type === 'problems') return problems(event);
        const entry = entries.get(keyText(event.key));
        return entry === undefined ? [] : remove(entry);
      });
    },
    inSync() {
      for (const { key } of journal.values()) forgotten.push(key);
      journal.clear();
    },
    mark() {
      marked = new Map([...uncommitted].map((entry) => [entry, entry.inForce]));
    },
    committed() {
      const drops = forgotten.splice(0).map((key): JournalChange => ({ drop: key }));
      const changes = [...marked].flatMap(([entry, resource]) => commit(entry, resource));
      marked = new Map();
      return [...drops, ...changes];
    },
    refuse(key, issue) {
      const entry = entries.get(keyText(key));
      if (entry?.inForce === undefined) return [];
      const { inForce: refused, committed } = entry;
      // One that has changed since the mark is not the one that was refused.
      if (refused !== (marked.has(entry) ? marked.get(entry) : committed)) return [];
      if (entry.faults.length === 0) entry.refused = refused;
      entry.faults = [...entry.faults, issue];
      if (committed === refused) entry.committed = undefined;
      marked.delete(entry);
      return putInForce(entry, entry.committed);
    },
    journalEntries() {
      const noted = [...entries.values()].flatMap((entry) => entry.noted ?? []);
      return [...[...journal.values()].flatMap((restored) => notedOf(restored, undefined) ?? []), ...noted];
    },
    quarantined: () => listQuarantined(entries.values(), [...files.values()]),
    problems: () => [...files.values()],
    warnings: () =>
      [...entries.values()].flatMap(({ key, origin, warnings }) => warnings.map((issue) => ({ key, origin, issue }))),
  };
}
