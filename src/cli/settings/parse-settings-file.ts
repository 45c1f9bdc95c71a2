import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { SettingsIssue } from './settings-error.js';

export interface FileEntry {
  readonly value: unknown;
  /** From 1. */
  readonly line: number;
}

export interface SettingsFile {
  readonly path: string;
  readonly entries: ReadonlyMap<string, FileEntry>;
  readonly issues: readonly SettingsIssue[];
}

/** The keys of the text of margay.yaml with their values and lines, or why it is none. */
export function parseSettingsFile(path: string, text: string): SettingsFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineOf = (offset: number | undefined) => Math.max(1, lines.linePos(offset ?? 0).line);
  if (document.errors.length > 0) {
    const issues = document.errors.map(({ pos, message }) => ({ source: `${path} line ${lineOf(pos[0])}`, message }));
    return { path, entries: new Map(), issues };
  }
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return { path, entries: new Map(), issues: [] };
  if (!isMap(root)) return failed(path, `${path} line 1`, 'must be a list of `setting: value` lines');
  const entries = new Map<string, FileEntry>();
  for (const { key, value } of root.items) {
    const start = isScalar(key) ? key.range?.[0] : undefined;
    const plain = value === null ? null : (value as { toJS(doc: typeof document): unknown }).toJS(document);
    entries.set(isScalar(key) ? String(key.value) : String(key), { value: plain, line: lineOf(start) });
  }
  return { path, entries, issues: [] };
}

function failed(path: string, source: string, message: string): SettingsFile {
  return { path, entries: new Map(), issues: [{ source, message }] };
}
