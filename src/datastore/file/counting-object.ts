import type { RawDocument } from '../../resources/read-documents.js';
import type { ObjectKey } from '../../resources/resource.js';
import { asStoredObject } from '../as-stored-object.js';
import type { Update } from '../source.js';
import type { StoredObject } from '../store.js';
import { contentVersion } from './content-version.js';

/** An object of a directory as it counts, as a store has it. */
export interface CountingObject {
  readonly key: ObjectKey;
  readonly file: string;
  /** With its version. */
  readonly object: StoredObject;
}

/**
 * The object of an event of a source. One that is not valid is taken from `documents`, those of its file, as it stands
 * there.
 */
export function countingObject(
  { key, origin, parsed }: Update,
  documents: readonly RawDocument[] = [],
): CountingObject[] {
  const value = parsed.valid ? parsed.resource : rawValue(key, origin.line, documents);
  const object = asStoredObject(value);
  if (object === undefined || origin.file === undefined) return [];
  return [{ key, file: origin.file, object: withVersion(object) }];
}

function rawValue(key: ObjectKey, line: number | undefined, documents: readonly RawDocument[]): unknown {
  const { value } = documents.find((document) => document.line === line) ?? {};
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, namespace, name } = key;
  const metadata: unknown = Reflect.get(value, 'metadata');
  const names = namespace === undefined ? { name } : { name, namespace };
  return { ...value, kind, metadata: { ...(typeof metadata === 'object' ? metadata : {}), ...names } };
}

/** A version that stands in the file is of another datastore. */
function withVersion(object: StoredObject): StoredObject {
  const { resourceVersion: _foreign, ...metadata } = object.metadata;
  const plain = { ...object, metadata };
  return { ...plain, metadata: { ...metadata, resourceVersion: contentVersion(plain) } };
}
