import type { Io } from '../io.js';
import type { StoreSettings } from '../open-store.js';
import { type WriteOptions, writeFiles } from '../write-files.js';

/** `margay create`: writes objects that must not be there yet. 0 all written, 1 otherwise. */
export function create(settings: StoreSettings, options: WriteOptions, io: Io): Promise<number> {
  return writeFiles('create', settings, options, io);
}
