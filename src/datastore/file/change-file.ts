import type { BigIntStats } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { parseResource } from '../../resources/parse-resource.js';
import { type RawDocument, readDocuments } from '../../resources/read-documents.js';
import { keyText, type ObjectKey } from '../../resources/resource.js';
import { type StoredObject, StoreError } from '../store.js';
import type { ReadFile } from './directory-reader.js';
import { editText } from './edit-text.js';
import { formatOf } from './look.js';
import { readObjectFile } from './read-file.js';
import type { Format } from './reader.js';
import { removeFile, replaceFile } from './replace-file.js';

/**
 * Replaces an object where it stands in a file, or removes it if `object` is undefined, and the file with it if nothing
 * else is in it. `changed`: the file is another one by now, and nothing was done.
 */
export async function changeFile(
  { path, stat }: ReadFile,
  key: ObjectKey,
  object: StoredObject | undefined,
): Promise<'done' | 'changed'> {
  const text = await readText(path, stat);
  if (text === undefined) return 'changed';
  const edited = editAll(text, path, key, object);
  if (edited === text) return 'done';
  // A link stays a link.
  const real = await realpath(path);
  const isEmpty = readDocuments(edited, formatOf(path) ?? 'yaml').length === 0;
  const outcome = isEmpty ? await removeFile(real, stat) : await replaceFile(real, stat, edited);
  return outcome === 'changed' ? 'changed' : 'done';
}

async function readText(path: string, stat: BigIntStats): Promise<string | undefined> {
  let text: string | undefined;
  await readObjectFile(path, stat, (read) => {
    text = read;
    return { unreadable: false, objects: [], problems: [] };
  });
  return text;
}

/** The text with the object changed: the first, which counts, or, if it is to be removed, all. */
function editAll(text: string, path: string, key: ObjectKey, object: StoredObject | undefined): string {
  const format = formatOf(path) ?? 'yaml';
  let edited = text;
  for (;;) {
    const document = documentOf(edited, format, key);
    if (document === undefined) return edited;
    const next = editText(edited, format, document.place, object);
    if (next === undefined) {
      const message = `${path} line ${document.line}: it can't be changed there without touching what else is in the file: edit it by hand`;
      throw new StoreError('invalid', message, { key });
    }
    edited = next;
    if (object !== undefined) return edited;
  }
}

function documentOf(text: string, format: Format, key: ObjectKey): RawDocument | undefined {
  return readDocuments(text, format).find(({ value }) => {
    // Which object it is does not depend on its selectors.
    const options = { unknownFields: 'warning', defaults: 'client', checkSelector: () => undefined } as const;
    const { key: found } = parseResource(value, options);
    return found !== undefined && keyText(found) === keyText(key);
  });
}
