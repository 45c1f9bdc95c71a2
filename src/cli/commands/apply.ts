import type { Io } from '../io.js';
import { type WriteOptions, writeFiles } from '../objects/write-files.js';
import type { SourceSettings } from '../open-source.js';

/** `margay apply`: creates objects, or changes those that are there. 0 all written, 1 otherwise. */
export function apply(settings: SourceSettings, options: WriteOptions, io: Io): Promise<number> {
  return writeFiles('apply', settings, options, io);
}
