import type { PatchType } from '../../client/patch-type.js';
import { readDocuments } from '../../resources/read-documents.js';
import type { Io } from '../io.js';
import { keysOf, type Scope, targetsOf, usage } from '../objects/object-targets.js';
import { isOfObject } from '../objects/write-files.js';
import { type Outcome, reportWrites } from '../objects/write-report.js';
import type { SourceSettings } from '../open-source.js';
import { withClient } from '../open-store.js';
import { orReported } from '../or-reported.js';

export interface PatchOptions extends Scope {
  /** JSON or YAML. */
  readonly patch: string;
  readonly type: PatchType;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** `margay patch`: changes some fields of an object. 0 done, 1 otherwise. */
export async function patch(
  settings: SourceSettings,
  words: readonly string[],
  options: PatchOptions,
  io: Io,
): Promise<number> {
  return orReported(io, async () => {
    const keys = targetsOf(words, options).flatMap(keysOf);
    if (keys.length === 0) throw usage('NAME', 'say which object to patch');
    const value = patchOf(options.patch);
    const outcomes = await withClient(settings, io, { writes: true, dryRun: options.dryRun }, async (client) => {
      const done: Outcome[] = [];
      for (const key of keys) {
        try {
          const { action } = await client.patch(key, value, options.type);
          done.push({ key, result: { done: action } });
        } catch (error) {
          if (!isOfObject(error)) throw error;
          done.push({ key, result: { done: 'failed', error } });
        }
      }
      return done;
    });
    return reportWrites(outcomes, { ...options, verb: 'patch' }, io);
  });
}

/** A list of operations stands as a list, which in a file would be taken apart. */
function patchOf(text: string): unknown {
  const documents = readDocuments(text, 'yaml');
  const [first] = documents;
  const issue = documents.flatMap(({ issues }) => issues)[0];
  if (issue !== undefined) throw usage('-p', `the patch is neither JSON nor YAML: ${issue.message}`);
  if (first === undefined) throw usage('-p', 'the patch is empty');
  if (first.place.path.length > 0) return documents.map(({ value }) => value);
  if (documents.length > 1) throw usage('-p', 'the patch must be one document');
  return first.value;
}
