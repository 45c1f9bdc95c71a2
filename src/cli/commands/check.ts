import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMap } from '../../resources/normalise.js';
import { isOtherCalicoKind } from '../../resources/other-kinds.js';
import { type ParseResult, parseResource } from '../../resources/parse-resource.js';
import { type RawDocument, readDocuments } from '../../resources/read-documents.js';
import type { Issue } from '../../resources/resource.js';
import { checkSelector } from '../../selector/check-selector.js';
import type { Io } from '../io.js';
import { printable } from '../printable.js';

/** One object of a file, as `check --json` prints it. */
interface Entry {
  readonly file: string;
  readonly index: number;
  readonly line: number;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly valid: boolean;
  readonly issues: readonly Issue[];
  readonly warnings: readonly Issue[];
}

/**
 * Validates resources in files, and in directories all `*.yaml`, `*.yml` and `*.json` below, as calicoctl would before it writes
 * them. 0 all valid, 1 something is not, 2 a path does not exist.
 */
export async function check(
  paths: readonly string[],
  options: { readonly json?: boolean; readonly node?: string },
  io: Pick<Io, 'stdout' | 'stderr'>,
): Promise<number> {
  const entries: Entry[] = [];
  let missing = false;
  for (const path of paths) {
    const files = await filesBelow(path);
    if (files === undefined) {
      missing = true;
      io.stderr.write(printable(`margay: ${path}: no such file or directory`).concat('\n'));
    }
    for (const file of files ?? []) entries.push(...(await checkFile(file)));
  }
  const invalid = entries.filter(({ valid }) => !valid).length;
  const counts = { valid: entries.length - invalid, invalid };
  if (options.json) io.stdout.write(`${JSON.stringify({ documents: entries, ...counts }, null, 1)}\n`);
  else io.stdout.write(humanReport(entries, counts));
  if (missing) return 2;
  return invalid > 0 ? 1 : 0;
}

/** Files in the order of their names; a named file whatever its name is, in directories nothing that is hidden. */
async function filesBelow(path: string, seen = new Set<string>()): Promise<string[] | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  if (!found.isDirectory()) return [path];
  const real = await realpath(path);
  if (seen.has(real)) return [];
  seen.add(real);
  const files: string[] = [];
  for (const name of (await readdir(path)).sort()) {
    const inner = join(path, name);
    if (name.startsWith('.')) continue;
    const isDirectory = (await stat(inner).catch(() => undefined))?.isDirectory() ?? false;
    if (isDirectory || /\.(?:ya?ml|json)$/.test(name)) files.push(...((await filesBelow(inner, seen)) ?? [inner]));
  }
  return files;
}

async function checkFile(file: string): Promise<Entry[]> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
    return readDocuments(text, file.endsWith('.json') ? 'json' : 'yaml').map((document) =>
      checkDocument(file, document),
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const issue = { path: '', code: 'unreadable', message: `can't be read: ${message}`, line: 1 };
    return [{ file, index: 0, line: 1, valid: false, issues: [issue], warnings: [] }];
  }
}

function checkDocument(file: string, document: RawDocument): Entry {
  const { index, line, value } = document;
  if (document.issues.length > 0)
    return { file, index, line, valid: false, issues: document.issues, warnings: document.warnings };
  const { key, parsed } = isOtherCalicoKind(value) ? unusedKind(value) : parseForWriting(value);
  const at = (issue: Issue): Issue => {
    const found = issue.line ?? document.lineOf(issue.path) ?? line;
    return { ...issue, line: found };
  };
  return {
    file,
    index,
    line,
    ...namesOf(value),
    ...key,
    valid: parsed.valid,
    issues: parsed.valid ? [] : parsed.issues.map(at),
    warnings: [...document.warnings, ...parsed.warnings].map(at),
  };
}

function parseForWriting(value: unknown): Checked {
  const { key, parsed } = parseResource(value, { unknownFields: 'error', defaults: 'client', checkSelector });
  return key === undefined ? { parsed } : { key, parsed };
}

type Checked = Pick<ParseResult, 'key'> & {
  readonly parsed:
    | { readonly valid: true; readonly warnings: readonly Issue[] }
    | { readonly valid: false; readonly issues: readonly Issue[]; readonly warnings: readonly Issue[] };
};

function unusedKind(value: unknown): Checked {
  const kind = isMap(value) ? String(value.kind) : '';
  const warning = { path: 'kind', code: 'unused-kind', message: `${kind} is not used by Margay, and was not checked` };
  return { parsed: { valid: true, warnings: [warning] } };
}

/** What an object that can't be identified says of itself. */
function namesOf(value: unknown): Pick<Entry, 'kind' | 'namespace' | 'name'> {
  if (!isMap(value)) return {};
  const { kind, metadata } = value;
  const fields = isMap(metadata) ? metadata : {};
  return {
    ...(typeof kind === 'string' ? { kind } : {}),
    ...(typeof fields.namespace === 'string' ? { namespace: fields.namespace } : {}),
    ...(typeof fields.name === 'string' ? { name: fields.name } : {}),
  };
}

function humanReport(entries: readonly Entry[], { valid, invalid }: { valid: number; invalid: number }): string {
  const lines = entries.flatMap((entry) => {
    const told = [
      ...entry.issues.map((issue) => ({ issue, level: '' })),
      ...entry.warnings.map((issue) => ({ issue, level: 'warning: ' })),
    ];
    return told
      .toSorted((a, b) => (a.issue.line ?? entry.line) - (b.issue.line ?? entry.line))
      .map(({ issue, level }) => issueLine(entry, issue, level));
  });
  const objects = (count: number) => `${count} ${count === 1 ? 'object' : 'objects'}`;
  return [...lines, `${objects(valid)} valid, ${invalid} invalid`, ''].join('\n');
}

function issueLine(entry: Entry, { path, message, line }: Issue, level: string): string {
  const name = [entry.namespace, entry.name].filter((part) => part !== undefined).join('/');
  const subject = [entry.kind, name].filter(Boolean).join(' ');
  const parts = [`${entry.file}:${line ?? entry.line}`, subject, `${level}${path}`, message].filter(
    (part) => part !== '',
  );
  return printable(parts.join(': '));
}
