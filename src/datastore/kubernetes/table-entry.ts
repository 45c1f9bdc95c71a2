import type { Issue, ObjectKey, Parsed } from '../../resources/resource.js';
import type { Delete, Update } from '../source.js';

/** An object of Kubernetes as it was last told. */
export interface TableEntry {
  readonly key: ObjectKey;
  readonly file: string;
  readonly parsed: Parsed;
  /** Of the object that it was made from. */
  version: string | undefined;
  /** The number of the list that had it last. */
  list: number;
}

export function updateOf({ key, file, parsed }: TableEntry): Update {
  return { type: 'update', key, origin: { file }, parsed };
}

export function deleteOf({ key }: TableEntry): Delete {
  return { type: 'delete', key };
}

/** A trouble of the whole kind, or of an object. */
export function tableIssue(code: string, message: string): Issue {
  return { path: '', code, message };
}
