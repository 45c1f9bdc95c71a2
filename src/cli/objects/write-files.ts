import type { Client } from '../../client/client.js';
import { InvalidObjectError } from '../../client/invalid-object-error.js';
import type { Written } from '../../client/write-object.js';
import { StoreError } from '../../datastore/store.js';
import type { Issue } from '../../resources/resource.js';
import type { Io } from '../io.js';
import type { SourceSettings } from '../open-source.js';
import { withClient } from '../open-store.js';
import { printable } from '../printable.js';
import { type InputObject, type InputOptions, readInput } from './input-documents.js';
import { usage } from './object-targets.js';
import { type Outcome, reportWrites } from './write-report.js';

export interface WriteOptions extends InputOptions {
  /** What is there already is no error. */
  readonly skipExists?: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/**
 * Writes the objects of files in their order, in the way of the verb. What can't be understood (syntax, kinds, fields, types) stops it
 * before anything is written; an object that breaks a rule, or is refused, keeps no other from being written.
 */
export async function writeFiles(
  verb: 'create' | 'apply' | 'replace',
  settings: SourceSettings,
  options: WriteOptions,
  io: Io,
): Promise<number> {
  const { skipExists = false, dryRun } = options;
  if (options.filename.length === 0) throw usage('-f', `say which file to ${verb}, - for standard input`);
  const objects = await readInput(options, io);
  tellWarnings(objects, io);
  if (tellUnreadable(objects, io)) return 1;
  const outcomes = await withClient(settings, io, { writes: true, dryRun }, async (client) => {
    if (objects.length > 0) await client.tryInitialise();
    const done: Outcome[] = [];
    for (const object of objects) done.push(await outcomeOf(object, client, verb, skipExists));
    return done;
  });
  return reportWrites(outcomes, { ...options, verb }, io);
}

/** Tells why files can't be used at all, if so. */
export function tellUnreadable(objects: readonly InputObject[], { stderr }: Pick<Io, 'stderr'>): boolean {
  const lines = objects.flatMap(({ file, unreadable, prepared: { key } }) =>
    unreadable.map((issue) => issueLine(file, issue, key && `${key.kind} ${key.name}`)),
  );
  for (const line of lines) stderr.write(`margay: ${printable(line)}\n`);
  if (lines.length > 0) stderr.write('margay: nothing was done\n');
  return lines.length > 0;
}

function tellWarnings(objects: readonly InputObject[], { stderr }: Pick<Io, 'stderr'>): void {
  for (const { file, prepared } of objects) {
    for (const issue of prepared.warnings) stderr.write(`margay: ${printable(issueLine(file, issue, 'warning'))}\n`);
  }
}

function issueLine(file: string, { path, message, line }: Issue, subject: string | undefined): string {
  const parts = [line === undefined ? file : `${file}:${line}`, subject ?? '', path, message];
  return parts.filter((part) => part !== '').join(': ');
}

async function outcomeOf(
  { file, line, prepared }: InputObject,
  client: Client,
  verb: 'create' | 'apply' | 'replace',
  skipExists: boolean,
): Promise<Outcome> {
  const { key } = prepared;
  const about = { file, line, ...(key === undefined ? {} : { key }) };
  try {
    const { action }: Written = await client[verb](prepared);
    return { ...about, result: { done: action } };
  } catch (error) {
    if (skipExists && error instanceof StoreError && error.code === 'already-exists')
      return { ...about, result: { done: 'skipped' } };
    if (!isOfObject(error)) throw error;
    return { ...about, result: { done: 'failed', error } };
  }
}

/** The others may fare better; without the datastore none does. */
export function isOfObject(error: unknown): boolean {
  if (error instanceof StoreError) return error.code !== 'unreachable';
  return error instanceof InvalidObjectError;
}
