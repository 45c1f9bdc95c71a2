import { isMap } from '../../resources/normalise.js';
import { parseResource } from '../../resources/parse-resource.js';
import type { Parsed } from '../../resources/resource.js';
import { apiVersion } from '../../resources/resource-schema.js';
import { parseJson } from './parse-json.js';
import { mayBeRenamed, metadataAsWritten, shortNameOf } from './policy-name.js';
import type { ResourcePath } from './resource-path.js';

/** Says what is wrong with the syntax of a selector, if anything is. */
export type CheckSelector = (text: string) => string | undefined;

export interface ReadResource {
  /** What it is called in Calico's API, which need not be the last part of its key. */
  readonly name: string;
  /** With a given name: an object can't always have the one that it should. */
  as(name: string): Parsed;
}

/**
 * What a value in etcd says. Which object it is, is decided by its key; `kind` and `apiVersion` may be missing, but must not
 * contradict it.
 */
export function readResource(path: ResourcePath, bytes: Uint8Array, checkSelector: CheckSelector): ReadResource {
  const value = parseJson(bytes);
  if (!isMap(value)) return unreadable(path, 'json', 'the value in etcd is not a JSON object');
  const { kind = path.kind, metadata, ...fields } = value;
  if (kind !== path.kind) return unreadable(path, 'kind', `kind ${JSON.stringify(kind)} is kept as a ${path.kind}`);
  const named = { name: path.name, ...(isMap(metadata) ? metadata : {}) };
  const written = metadataAsWritten(path.kind, named, fields.spec);
  if (written === undefined)
    return unreadable(path, 'metadata.annotations', 'the annotation projectcalico.org/metadata has no name in JSON');
  const { namespace } = path;
  return {
    name: nameOf(path, written.name),
    as: (name) => {
      const identity = namespace === undefined ? { name } : { name, namespace };
      const object = { apiVersion, ...fields, kind: path.kind, metadata: { ...written, ...identity } };
      return parseResource(object, { unknownFields: 'warning', defaults: 'none', checkSelector }).parsed;
    },
  };
}

/** Under `default.x` there may be a policy x; any other difference is an error of whoever wrote it, and the key counts. */
function nameOf({ name: key }: ResourcePath, written: unknown): string {
  const short = shortNameOf(key);
  return short !== undefined && written === short ? short : key;
}

/** Old data is the likelier one to have a prefix. */
function unreadable({ kind, name }: ResourcePath, code: string, message: string): ReadResource {
  const issues = [{ path: '', code, message }];
  const likely = mayBeRenamed(kind) ? shortNameOf(name) : undefined;
  return { name: likely ?? name, as: () => ({ valid: false, issues, warnings: [] }) };
}
