import type { Io } from '../io.js';
import type { StoreSettings } from '../open-store.js';
import { type WriteOptions, writeFiles } from '../write-files.js';

/** `margay replace`: changes objects that must be there. 0 all written, 1 otherwise. */
export function replace(settings: StoreSettings, options: WriteOptions, io: Io): Promise<number> {
  return writeFiles('replace', settings, options, io);
}
