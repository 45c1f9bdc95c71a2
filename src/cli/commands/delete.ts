import type { Client } from '../../client/client.js';
import { keyOfStored } from '../../datastore/as-stored-object.js';
import { StoreError } from '../../datastore/store.js';
import type { Io } from '../io.js';
import { type NamedObject, type NamedOptions, namedObjects } from '../objects/named-objects.js';
import { usage } from '../objects/object-targets.js';
import { isOfObject } from '../objects/write-files.js';
import { type Outcome, reportWrites } from '../objects/write-report.js';
import type { SourceSettings } from '../open-source.js';
import { withClient } from '../open-store.js';
import { orReported } from '../or-reported.js';

export interface DeleteOptions extends NamedOptions {
  /** What is not there is no error. */
  readonly skipNotExists: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** `margay delete`: objects of files, or by name. 0 all deleted, 1 otherwise. */
export async function deleteObjects(
  settings: SourceSettings,
  words: readonly string[],
  options: DeleteOptions,
  io: Io,
): Promise<number> {
  return orReported(io, async () => {
    const objects = await namedObjects(words, options, io);
    if (objects === undefined) return 1;
    if (objects.length === 0 && words.length > 0) throw usage('NAME', 'say which objects to delete');
    const outcomes = await withClient(settings, io, { writes: true, dryRun: options.dryRun }, async (client) => {
      const done: Outcome[] = [];
      for (const object of objects) done.push(await outcomeOf(object, client, options.skipNotExists));
      return done;
    });
    return reportWrites(outcomes, { ...options, verb: 'delete' }, io);
  });
}

async function outcomeOf(
  { key, resourceVersion, ...place }: NamedObject,
  client: Client,
  skipNotExists: boolean,
): Promise<Outcome> {
  try {
    const { dependents } = await client.delete(key, resourceVersion);
    return { key, ...place, result: { done: 'deleted' }, dependents: dependents.map(keyOfStored) };
  } catch (error) {
    if (skipNotExists && error instanceof StoreError && error.code === 'not-found')
      return { key, ...place, result: { done: 'skipped' } };
    if (!isOfObject(error)) throw error;
    return { key, ...place, result: { done: 'failed', error } };
  }
}
