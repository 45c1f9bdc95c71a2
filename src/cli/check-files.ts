import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Resource } from '../resources/kinds.js';
import { isMap } from '../resources/normalise.js';
import { isOtherCalicoKind } from '../resources/other-kinds.js';
import { type ParseResult, parseResource } from '../resources/parse-resource.js';
import { type RawDocument, readDocuments } from '../resources/read-documents.js';
import type { Issue } from '../resources/resource.js';
import { checkSelector } from '../selector/check-selector.js';

/** One object of a file, as `check --json` prints it. */
export interface CheckEntry {
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

/** An object of a file: what `check` says of it, and the object itself if it is valid and of use. */
export interface CheckedDocument {
  readonly entry: CheckEntry;
  readonly resource?: Resource;
}

/** Files in the order of their names; a named file whatever its name is, in directories nothing that is hidden. */
export async function filesBelow(path: string, seen = new Set<string>()): Promise<string[] | undefined> {
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

/** Each object of a file with what is wrong with it. Never rejects: what can't be read is an entry that is not valid. */
export async function checkFile(file: string): Promise<CheckedDocument[]> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
    return readDocuments(text, file.endsWith('.json') ? 'json' : 'yaml').map((document) =>
      checkDocument(file, document),
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const issue = { path: '', code: 'unreadable', message: `can't be read: ${message}`, line: 1 };
    return [{ entry: { file, index: 0, line: 1, valid: false, issues: [issue], warnings: [] } }];
  }
}

function checkDocument(file: string, document: RawDocument): CheckedDocument {
  const { index, line, value } = document;
  if (document.issues.length > 0)
    return { entry: { file, index, line, valid: false, issues: document.issues, warnings: document.warnings } };
  const { key, parsed } = isOtherCalicoKind(value) ? unusedKind(value) : parseForWriting(value);
  const at = (issue: Issue): Issue => {
    const found = issue.line ?? document.lineOf(issue.path) ?? line;
    return { ...issue, line: found };
  };
  const issues = parsed.valid ? [] : parsed.issues.map(at);
  const warnings = [...document.warnings, ...parsed.warnings].map(at);
  const entry = { file, index, line, ...namesOf(value), ...key, valid: parsed.valid, issues, warnings };
  return parsed.valid && parsed.resource ? { entry, resource: parsed.resource } : { entry };
}

function parseForWriting(value: unknown): Checked {
  const { key, parsed } = parseResource(value, { unknownFields: 'error', defaults: 'client', checkSelector });
  return key === undefined ? { parsed } : { key, parsed };
}

type Checked = Pick<ParseResult, 'key'> & {
  readonly parsed:
    | { readonly valid: true; readonly resource?: Resource; readonly warnings: readonly Issue[] }
    | { readonly valid: false; readonly issues: readonly Issue[]; readonly warnings: readonly Issue[] };
};

function unusedKind(value: unknown): Checked {
  const kind = isMap(value) ? String(value.kind) : '';
  const warning = { path: 'kind', code: 'unused-kind', message: `${kind} is not used by Margay, and was not checked` };
  return { parsed: { valid: true, warnings: [warning] } };
}

/** What an object that can't be identified says of itself. */
function namesOf(value: unknown): Pick<CheckEntry, 'kind' | 'namespace' | 'name'> {
  if (!isMap(value)) return {};
  const { kind, metadata } = value;
  const fields = isMap(metadata) ? metadata : {};
  return {
    ...(typeof kind === 'string' ? { kind } : {}),
    ...(typeof fields.namespace === 'string' ? { namespace: fields.namespace } : {}),
    ...(typeof fields.name === 'string' ? { name: fields.name } : {}),
  };
}
