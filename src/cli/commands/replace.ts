import type { Io } from '../io.js';
import { type WriteOptions, writeFiles } from '../objects/write-files.js';
import type { SourceSettings } from '../open-source.js';

/** `margay replace`: changes objects that must be there. 0 all written, 1 otherwise. */
export function replace(settings: SourceSettings, options: WriteOptions, io: Io): Promise<number> {
  return writeFiles('replace', settings, options, io);
}
