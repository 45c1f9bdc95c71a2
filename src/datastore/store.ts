import type { Kind } from '../resources/kinds.js';
import type { ObjectKey } from '../resources/resource.js';

/**
 * An object in the form of Calico's API, as its datastore holds it: neither validated nor completed. What a datastore keeps in
 * a form of its own (names of policies in annotations, say) has been undone.
 */
export interface StoredObject {
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: StoredMetadata;
  /** `spec`, and what else the object has. */
  readonly [field: string]: unknown;
}

export interface StoredMetadata {
  readonly name: string;
  readonly namespace?: string;
  /** Which version of the object it is; opaque, and different after each write. Absent in what is to be created. */
  readonly resourceVersion?: string;
  readonly [field: string]: unknown;
}

export interface Listing {
  /** Sorted by namespace and name. */
  readonly items: readonly StoredObject[];
  /** Of the whole: where a watch has to go on. */
  readonly resourceVersion: string;
}

/** `deleted` comes with the last version of the object. */
export interface WatchEvent {
  readonly type: 'added' | 'modified' | 'deleted';
  readonly object: StoredObject;
}

export interface WatchOptions {
  readonly namespace?: string | undefined;
  /** From the listing that the watch follows. */
  readonly resourceVersion: string;
  /** Ends the iteration, without an error. */
  readonly signal: AbortSignal;
}

export type StoreErrorCode =
  | 'not-found'
  | 'already-exists'
  /** The object is not, or no longer, the version that was to be changed. */
  | 'conflict'
  /** The versions since the one asked for are gone: list again. */
  | 'expired'
  /** This datastore does not keep the kind, or not to be written. */
  | 'unsupported'
  /** The datastore has rules of its own, and the object breaks one. */
  | 'invalid'
  | 'unauthorized'
  | 'forbidden'
  | 'unreachable'
  | 'internal';

/** What a request to a datastore ended with. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;
  readonly key: Partial<ObjectKey> | undefined;

  constructor(code: StoreErrorCode, message: string, options: { key?: Partial<ObjectKey>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'StoreError';
    this.code = code;
    this.key = options.key;
  }
}

/**
 * A datastore that is read and written object by object, for the commands; the daemon follows a `Source`. Every method rejects
 * with a `StoreError`.
 */
export interface Store {
  /** As the operator wrote it, without credentials. */
  readonly url: string;
  get(key: ObjectKey): Promise<StoredObject>;
  list(kind: Kind, namespace?: string): Promise<Listing>;
  /** `metadata.uid` and `creationTimestamp` are given by the datastore, or by the store for one that has none. */
  create(object: StoredObject): Promise<StoredObject>;
  /** Replaces the version that `metadata.resourceVersion` names; without one, whatever is there. */
  update(object: StoredObject): Promise<StoredObject>;
  /** Resolves with what was deleted. With a version: only that one. */
  delete(key: ObjectKey, resourceVersion?: string): Promise<StoredObject>;
  watch(kind: Kind, options: WatchOptions): AsyncIterable<WatchEvent>;
  close(): Promise<void>;
}
