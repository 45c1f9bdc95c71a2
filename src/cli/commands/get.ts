import type { Client } from '../../client/client.js';
import { errorText } from '../../client/error-text.js';
import type { StoreError } from '../../datastore/store.js';
import type { Io } from '../io.js';
import { gatherObjects } from '../objects/gather-objects.js';
import { type NamedOptions, targetsOfWords } from '../objects/named-objects.js';
import { usage } from '../objects/object-targets.js';
import type { OutputFormat } from '../objects/output-format.js';
import { type ObjectGroup, printObjects } from '../objects/print-objects.js';
import { watchObjects } from '../objects/watch-objects.js';
import type { SourceSettings } from '../open-source.js';
import { withClient } from '../open-store.js';
import { orReported } from '../or-reported.js';
import { createPaint } from '../paint.js';
import { printable } from '../printable.js';

export interface GetOptions extends NamedOptions {
  readonly format: OutputFormat;
  readonly watch: boolean;
  /** Without what only this datastore says of named objects. */
  readonly export: boolean;
}

/** `margay get`: objects as a table, YAML, JSON or names. 0 found, 1 something is not there. */
export async function get(
  settings: SourceSettings,
  words: readonly string[],
  options: GetOptions,
  io: Io,
): Promise<number> {
  return orReported(io, () =>
    withClient(settings, io, { writes: false }, (client) =>
      options.watch ? watchTarget(client, words, options, io) : print(client, words, options, io),
    ),
  );
}

async function print(client: Client, words: readonly string[], options: GetOptions, io: Io): Promise<number> {
  const missing: StoreError[] = [];
  const groups = await gatherObjects(client, words, options, io, missing);
  if (groups === undefined) return 1;
  const exported = options.export ? groups.map(withoutDatastore) : groups;
  const showNamespace = options.allNamespaces === true || options.namespace !== undefined;
  io.stdout.write(printObjects(exported, { format: options.format, showNamespace, paint: createPaint(io) }));
  for (const error of missing) io.stderr.write(`margay: ${printable(errorText(error))}\n`);
  return missing.length > 0 ? 1 : 0;
}

function withoutDatastore({ items, ...group }: ObjectGroup): ObjectGroup {
  if (group.resourceVersion !== undefined) return { ...group, items };
  const bare = items.map((object) => {
    const { namespace: _1, uid: _2, resourceVersion: _3, creationTimestamp: _4, ...metadata } = object.metadata;
    return { ...object, metadata };
  });
  return { ...group, items: bare };
}

async function watchTarget(client: Client, words: readonly string[], options: GetOptions, io: Io): Promise<number> {
  if (options.filename.length > 0) throw usage('--watch', 'is for objects that are named by words');
  const [target, ...more] = targetsOfWords(words, options);
  if (target === undefined || more.length > 0) throw usage('--watch', 'is for objects of one kind');
  const showNamespace = options.allNamespaces === true || options.namespace !== undefined;
  await watchObjects(client, target, { format: options.format, showNamespace }, io);
  return 0;
}
