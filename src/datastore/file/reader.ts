import type { ObjectKey, Parsed } from '../../resources/resource.js';
import type { Problem } from '../source.js';

export type Format = 'yaml' | 'json';

/** An object as it stands in a file. */
export interface FileObject {
  readonly key: ObjectKey;
  /** Where its document starts, from 1. */
  readonly line: number;
  readonly parsed: Parsed;
}

/** What a file holds. */
export interface FileContent {
  /** It could not be read or parsed: nothing is known about its objects, `objects` is empty. */
  readonly unreadable: boolean;
  readonly objects: readonly FileObject[];
  /** Why it is unreadable, or documents that do not say which object they are. */
  readonly problems: readonly Problem[];
}

/** Text of a file to objects. */
export type Reader = (text: string, format: Format, file: string) => FileContent;
