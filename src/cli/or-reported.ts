import { errorText } from '../client/error-text.js';
import { InvalidObjectError } from '../client/invalid-object-error.js';
import { PatchError } from '../client/json-patch.js';
import { StoreError } from '../datastore/store.js';
import type { Io } from './io.js';
import { printable } from './printable.js';

/** The status of `work`, or 1 after telling what a datastore or Calico's rules have against it. */
export async function orReported({ stderr }: Pick<Io, 'stderr'>, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    const isKnown = error instanceof StoreError || error instanceof InvalidObjectError || error instanceof PatchError;
    if (!isKnown) throw error;
    for (const line of errorText(error).split('\n')) stderr.write(`margay: ${printable(line)}\n`);
    return 1;
  }
}
