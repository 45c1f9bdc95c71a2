import { readFile } from 'node:fs/promises';
import type { SettingsFile } from './parse-settings-file.js';

/** The keys and values of margay.yaml, not checked yet. One that may be missing is as if it were empty. */
export async function readSettingsFile(path: string, mayBeMissing: boolean): Promise<SettingsFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && mayBeMissing) return { path, entries: new Map(), issues: [] };
    const reason = code === 'ENOENT' ? 'there is no such file' : `can't be read: ${message}`;
    return { path, entries: new Map(), issues: [{ source: path, message: reason }] };
  }
  // Loaded only for a file that exists: yaml takes 70 ms, and `margay status` should take 150 altogether.
  const { parseSettingsFile } = await import('./parse-settings-file.js');
  return parseSettingsFile(path, text);
}
