import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { FileEntry, SettingsFile } from './settings-file.js';

/** The settings in the text of a file. In a module of its own, because yaml takes long to load and is not always needed. */
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
  if (!isMap(root)) {
    const issue = { source: `${path} line 1`, message: 'must be a list of `setting: value` lines' };
    return { path, entries: new Map(), issues: [issue] };
  }
  const entries = new Map<string, FileEntry>();
  for (const { key, value } of root.items) {
    const start = isScalar(key) ? key.range?.[0] : undefined;
    const plain = value === null ? null : (value as { toJS(doc: typeof document): unknown }).toJS(document);
    entries.set(isScalar(key) ? String(key.value) : String(key), { value: plain, line: lineOf(start) });
  }
  return { path, entries, issues: [] };
}
