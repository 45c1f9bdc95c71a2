import type { Issue, ObjectKey, Parsed } from '../resources/resource.js';

/** Where an object was read: for messages, and to know which objects a file that became unreadable had. */
export interface Origin {
  readonly file?: string;
  /** Where the document starts, from 1. */
  readonly line?: number;
}

/** An object appeared or changed. An invalid one is delivered too: who is told keeps the last valid version. */
export interface Update {
  readonly type: 'update';
  readonly key: ObjectKey;
  readonly origin: Origin;
  readonly parsed: Parsed;
}

export interface Delete {
  readonly type: 'delete';
  readonly key: ObjectKey;
}

/**
 * Something that may hold objects can't be read or parsed (a file), or an object in it can't be identified or is a second one
 * of the same key: nothing is deleted because of it. It replaces earlier problems of the same file; an empty list ends them.
 */
export interface Problems {
  readonly type: 'problems';
  readonly file: string;
  /** It is no file, but where a datastore has all objects of this kind, or some of them. */
  readonly kind?: string;
  /** The file as a whole could not be read or parsed: its objects are as they last were. */
  readonly unreadable: boolean;
  readonly problems: readonly Problem[];
}

export interface Problem {
  /** The object of which this is a second definition. */
  readonly key?: ObjectKey;
  /** Of what can't be identified: its name, if that much can be told. It may be an object of that name, else any. */
  readonly name?: string;
  readonly line?: number;
  readonly issue: Issue;
}

export type SourceEvent = Update | Delete | Problems;

/** `connected` with a reason: it can be read, but must not be used yet, or any more. What is known stays, as without connection. */
export interface Connection {
  readonly connected: boolean;
  /** Why it is not connected, or not to be used; for the operator. */
  readonly reason?: string;
}

export interface SourceListener {
  /** What belongs together (one scan, one page, one watch message); order matters. */
  events(events: readonly SourceEvent[]): void;
  /** The first snapshot has been delivered completely. Told once. */
  inSync(): void;
  connection(state: Connection): void;
}

/** A datastore that is followed. Nothing is delivered before `start` and nothing after `stop` has resolved. */
export interface Source {
  /** As the operator wrote it, without credentials. */
  readonly url: string;
  start(listener: SourceListener): void;
  /** Resolves when everything that was in the datastore at the call has been delivered. Rejects while it can't be used. */
  catchUp(): Promise<void>;
  stop(): Promise<void>;
}
