import type { Io } from '../io.js';
import { type WriteOptions, writeFiles } from '../objects/write-files.js';
import type { SourceSettings } from '../open-source.js';

/** `margay create`: writes objects that must not be there yet. 0 all written, 1 otherwise. */
export function create(settings: SourceSettings, options: WriteOptions, io: Io): Promise<number> {
  return writeFiles('create', settings, options, io);
}
