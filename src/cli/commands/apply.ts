import type { Io } from '../io.js';
import type { StoreSettings } from '../open-store.js';
import { type WriteOptions, writeFiles } from '../write-files.js';

/** `margay apply`: creates objects, or changes those that are there. 0 all written, 1 otherwise. */
export function apply(settings: StoreSettings, options: WriteOptions, io: Io): Promise<number> {
  return writeFiles('apply', settings, options, io);
}
