import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type PreparedObject, prepareObject, unreadableCodes } from '../../client/prepare-object.js';
import { type RawDocument, readDocuments } from '../../resources/read-documents.js';
import type { Issue } from '../../resources/resource.js';
import { filesBelow } from '../check-files.js';
import type { Io } from '../io.js';
import { usage } from './object-targets.js';

/** An object that a user gives with `-f`. */
export interface InputObject {
  readonly file: string;
  readonly line: number;
  readonly prepared: PreparedObject;
  /** What makes the file unusable as a whole: nothing of the command may be done. */
  readonly unreadable: readonly Issue[];
}

export interface InputOptions {
  /** Files, directories, or `-`. */
  readonly filename: readonly string[];
  readonly recursive: boolean;
  readonly skipEmpty: boolean;
  readonly namespace?: string | undefined;
}

/** Rejects with SettingsError for a path that is not there, Error for one that holds no objects or can't be read. */
export async function readInput(options: InputOptions, io: Pick<Io, 'stdin'>): Promise<InputObject[]> {
  const all: InputObject[] = [];
  for (const path of options.filename) {
    const objects: InputObject[] = [];
    for (const { file, text } of await readTexts(path, options.recursive, io)) {
      const documents = readDocuments(text, file.endsWith('.json') ? 'json' : 'yaml');
      objects.push(...documents.map((document) => inputObject(file, document, options.namespace)));
      if (documents.length === 0 && !options.skipEmpty) throw new Error(`no resources specified in file ${file}`);
    }
    if (objects.length === 0 && !options.skipEmpty) throw new Error(`no resources specified in directory ${path}`);
    all.push(...objects);
  }
  return all;
}

interface FileText {
  readonly file: string;
  readonly text: string;
}

async function readTexts(path: string, recursive: boolean, { stdin }: Pick<Io, 'stdin'>): Promise<FileText[]> {
  if (path === '-') return [{ file: 'stdin', text: await textOf(stdin) }];
  const files = await filesBelow(path);
  if (files === undefined) throw usage('-f', `${path}: no such file or directory`);
  const wanted = files.filter((file) => recursive || file === path || resolve(dirname(file)) === resolve(path));
  return Promise.all(wanted.map(async (file) => ({ file, text: decoded(await readFile(file), file) })));
}

async function textOf(stdin: Io['stdin']): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stdin ?? []) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return decoded(Buffer.concat(chunks), 'stdin');
}

function decoded(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error(`${file} is not UTF-8 text`, { cause: error });
  }
}

function inputObject(file: string, document: RawDocument, namespace: string | undefined): InputObject {
  const { line, value } = document;
  const locate = (issue: Issue): Issue => ({ ...issue, line: issue.line ?? document.lineOf(issue.path) ?? line });
  if (document.issues.length > 0) {
    const issues = document.issues.map(locate);
    return { file, line, prepared: { issues, warnings: document.warnings.map(locate) }, unreadable: issues };
  }
  const found = prepareObject(value, { namespace });
  const issues = found.issues.map(locate);
  const prepared = { ...found, issues, warnings: [...document.warnings, ...found.warnings].map(locate) };
  return { file, line, prepared, unreadable: issues.filter(isUnreadable) };
}

function isUnreadable({ code, path }: Issue): boolean {
  return unreadableCodes.has(code) || path === 'kind';
}
