import { errorText } from '../../client/error-text.js';
import { objectId } from '../../client/object-id.js';
import type { ObjectKey } from '../../resources/resource.js';
import type { Io } from '../io.js';
import { printable } from '../printable.js';

/** What became of an object of a command that writes. */
export interface Outcome {
  /** As far as can be told. */
  readonly key?: Partial<ObjectKey>;
  /** Where it was given; absent if by name. */
  readonly file?: string;
  readonly line?: number;
  readonly result:
    | { readonly done: 'created' | 'updated' | 'deleted' | 'skipped' }
    | { readonly done: 'failed'; readonly error: unknown };
  /** What was deleted with it. */
  readonly dependents?: readonly ObjectKey[];
}

export interface ReportOptions {
  readonly verb: 'create' | 'apply' | 'replace' | 'patch' | 'delete';
  readonly dryRun: boolean;
  readonly json: boolean;
}

const past = { create: 'created', apply: 'applied', replace: 'replaced', patch: 'patched', delete: 'deleted' } as const;

/** Tells what was done, as calicoctl does; 0 if everything was, 1 otherwise. */
export function reportWrites(
  outcomes: readonly Outcome[],
  options: ReportOptions,
  io: Pick<Io, 'stdout' | 'stderr'>,
): number {
  const failed = outcomes.filter(({ result }) => result.done === 'failed');
  if (options.json) io.stdout.write(asJson(outcomes, options));
  else io.stdout.write(asText(outcomes, failed.length, options));
  for (const outcome of failed) io.stderr.write(`margay: ${failureText(outcome, options)}\n`);
  return failed.length > 0 ? 1 : 0;
}

function asText(outcomes: readonly Outcome[], failures: number, { verb, dryRun }: ReportOptions): string {
  const handled = outcomes.length - failures;
  const lines = outcomes.flatMap((outcome) => [
    ...(outcome.dependents ?? []).map(
      (key) => `${objectId(key)} ${dryRun ? 'would be' : 'was'} deleted with ${idOf(outcome)}`,
    ),
    ...(dryRun && outcome.result.done !== 'failed' ? [`${idOf(outcome)} ${wouldBe[outcome.result.done]}`] : []),
  ]);
  const kind = singleKind(outcomes);
  const noun = verb === 'patch' ? 'resource' : 'resource(s)';
  const what = kind === undefined ? noun : `'${kind}' ${noun}`;
  if (dryRun) lines.push(`Dry run: would have ${past[verb]} ${handled} ${what}; nothing was written`);
  else if (outcomes.length === 0) lines.push('No resources specified');
  else if (failures === 0) lines.push(`Successfully ${past[verb]} ${handled} ${what}`);
  else if (handled > 0) lines.push(`Partial success: ${past[verb]} ${handled} out of ${outcomes.length} ${what}`);
  return lines.map((line) => `${printable(line)}\n`).join('');
}

const wouldBe = {
  created: 'would be created',
  updated: 'would be changed',
  deleted: 'would be deleted',
  skipped: 'would be left as it is',
} as const;

function failureText({ key, file, line, result }: Outcome, { verb }: ReportOptions): string {
  const text = result.done === 'failed' ? errorText(result.error) : '';
  const kind = key?.kind === undefined ? '' : `'${key.kind}' `;
  const id = key?.name === undefined ? undefined : objectId(key);
  const place = file === undefined ? [] : [line === undefined ? file : `${file}:${line}`];
  // Most messages name the object themselves.
  const named = id === undefined || text.includes(id) ? [] : [id];
  const parts = [`Failed to ${verb} ${kind}resource`, ...place, ...named, text];
  return parts.join(': ').split('\n').map(printable).join('\n');
}

function idOf({ key, file, line }: Outcome): string {
  return key === undefined ? `${file}:${line}` : objectId(key);
}

function singleKind(outcomes: readonly Outcome[]): string | undefined {
  const found = new Set(outcomes.map(({ key }) => key?.kind));
  return found.size === 1 ? [...found][0] : undefined;
}

function asJson(outcomes: readonly Outcome[], { dryRun }: ReportOptions): string {
  const objects = outcomes.map(({ key, file, line, result, dependents = [] }) => ({
    kind: key?.kind ?? null,
    ...(key?.namespace === undefined ? {} : { namespace: key.namespace }),
    name: key?.name ?? null,
    ...(file === undefined ? {} : { file, line }),
    result: result.done,
    ...(result.done === 'failed' ? { error: errorText(result.error) } : {}),
    ...(dependents.length === 0 ? {} : { dependents }),
  }));
  const failed = objects.filter(({ result }) => result === 'failed').length;
  return `${JSON.stringify({ dryRun, objects, succeeded: objects.length - failed, failed }, null, 2)}\n`;
}
