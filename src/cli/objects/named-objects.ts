import { InvalidObjectError } from '../../client/invalid-object-error.js';
import type { ObjectKey } from '../../resources/resource.js';
import type { Io } from '../io.js';
import { type InputOptions, readInput } from './input-documents.js';
import { keysOf, type Scope, type Target, targetsOf, usage } from './object-targets.js';
import { tellUnreadable } from './write-files.js';

export interface NamedOptions extends InputOptions, Scope {}

/** An object that a command is about: by its name, or because a file has it. */
export interface NamedObject {
  readonly key: ObjectKey;
  readonly file?: string;
  readonly line?: number;
  /** Which version the file has. */
  readonly resourceVersion?: string;
}

/** What a command line names by words: see `targetsOf`. @throws SettingsError if it names files, too, or nothing */
export function targetsOfWords(words: readonly string[], options: NamedOptions): Target[] {
  if (words.length > 0 && options.filename.length > 0) throw usage('-f', 'name objects by files or by words, not both');
  if (words.length === 0) throw usage('KIND', 'say which objects: KIND, KIND NAME or -f FILE');
  return targetsOf(words, options);
}

/** The objects of files or of words with names; undefined after telling why files can't be used. */
export async function namedObjects(
  words: readonly string[],
  options: NamedOptions,
  io: Pick<Io, 'stdin' | 'stderr'>,
): Promise<NamedObject[] | undefined> {
  if (options.filename.length === 0 || words.length > 0)
    return targetsOfWords(words, options)
      .flatMap(keysOf)
      .map((key) => ({ key }));
  const objects = await readInput(options, io);
  if (tellUnreadable(objects, io)) return undefined;
  return objects.map(({ file, line, prepared: { key, object, issues } }) => {
    const wrongNamespace = issues.filter(({ code }) => code === 'namespace');
    if (key === undefined || wrongNamespace.length > 0)
      throw new InvalidObjectError(key, wrongNamespace.length > 0 ? wrongNamespace : issues);
    const version = object?.metadata.resourceVersion;
    return { key, file, line, ...(version === undefined ? {} : { resourceVersion: version }) };
  });
}
