import type { Kind } from '../../resources/kinds.js';
import { kinds } from '../../resources/kinds.js';
import type { ObjectKey } from '../../resources/resource.js';
import { type Conversion, conversionIssue } from './conversion/conversion.js';
import { mapIn, type Native, textIn } from './conversion/native.js';
import { type ApiGroup, fromStored, mayClash } from './conversion/stored-metadata.js';

/** Where an API server has objects of a kind, and what they are. */
export interface Place {
  /** As kubectl takes it: `pods`, `networkpolicies.networking.k8s.io`. */
  readonly resource: string;
  /** From `/api` or `/apis` on. */
  readonly path: string;
  convert(object: Native): Conversion;
  /** Two objects there may be the same one of Calico. */
  readonly mayClash: boolean;
}

/** Kinds that Kubernetes has. */
export function nativePlace(path: string, convert: (object: Native) => Conversion): Place {
  const [, root, ...rest] = path.split('/');
  const plural = rest.at(-1) ?? '';
  return { resource: root === 'apis' ? `${plural}.${rest[0]}` : plural, path, convert, mayClash: false };
}

/** Kinds that Calico adds to it. */
export function calicoPlace(kind: Kind, group: ApiGroup): Place {
  const { plural, namespaced } = kinds[kind];
  return {
    resource: `${plural}.${group.split('/')[0]}`,
    path: `/apis/${group}/${plural}`,
    convert: (object) => convertStored(object, kind, namespaced, group),
    mayClash: mayClash(kind, group),
  };
}

function convertStored(object: Native, kind: Kind, namespaced: boolean, group: ApiGroup): Conversion {
  const value = fromStored(object, kind, group);
  const metadata = mapIn(typeof value === 'string' ? object : value, 'metadata');
  const name = textIn(metadata, 'name') ?? '';
  const key: ObjectKey = namespaced ? { kind, namespace: textIn(metadata, 'namespace') ?? '', name } : { kind, name };
  if (typeof value === 'string')
    return { is: 'invalid', key, issues: [conversionIssue(['metadata', 'annotations'], value)] };
  return { is: 'object', key, value, warnings: [] };
}
