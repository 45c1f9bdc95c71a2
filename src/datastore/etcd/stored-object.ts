import type { Kind } from '../../resources/kinds.js';
import { isMap } from '../../resources/normalise.js';
import { apiVersion } from '../../resources/resource-schema.js';
import type { StoredObject } from '../store.js';
import type { KeyValue } from './messages.js';
import { parseJson } from './parse-json.js';
import { metadataAsWritten, metadataToStore } from './policy-name.js';
import { parsePath } from './resource-path.js';

/** The object under a key, as it was written. Undefined: it is none. Its version is not in the value: etcd counts it. */
export function readStored({ key, value, modRevision }: Pick<KeyValue, 'key' | 'value' | 'modRevision'>) {
  const path = parsePath(key);
  const found = parseJson(value);
  if (path === undefined || !isMap(found)) return undefined;
  const { kind: _, apiVersion: __, metadata, ...fields } = found;
  const written = metadataAsWritten(path.kind, isMap(metadata) ? metadata : {}, fields.spec);
  if (written === undefined) return undefined;
  const { name = path.name, namespace = path.namespace, ...others } = written;
  if (typeof name !== 'string' || !(namespace === undefined || typeof namespace === 'string')) return undefined;
  const identity = namespace === undefined ? { name } : { name, namespace };
  const object: StoredObject = {
    apiVersion,
    kind: path.kind,
    metadata: { ...identity, ...others, resourceVersion: String(modRevision) },
    ...fields,
  };
  return object;
}

/** What is written for an object, in the order in which Calico writes it. */
export function storedValue(kind: Kind, { apiVersion: _, kind: __, metadata, ...fields }: StoredObject): Buffer {
  const { resourceVersion: ___, selfLink: ____, name, namespace, uid, creationTimestamp, ...others } = metadata;
  const kept = { name, namespace, uid, creationTimestamp, ...others };
  return Buffer.from(JSON.stringify({ kind, apiVersion, metadata: metadataToStore(kind, kept), ...fields }));
}
