import { pathText } from '../../../resources/path.js';
import type { Issue, ObjectKey, Path } from '../../../resources/resource.js';

/** What an object of Kubernetes is in the form of Calico's API. */
export type Conversion =
  /** It is the object `key`, with `value` to be parsed like any other; warnings are about parts that were left out. */
  | { readonly is: 'object'; readonly key: ObjectKey; readonly value: unknown; readonly warnings: readonly Issue[] }
  /** It is the object `key`, but can't be converted as a whole. */
  | { readonly is: 'invalid'; readonly key: ObjectKey; readonly issues: readonly Issue[] }
  /** It stands for nothing: a pod without an address, say. */
  | { readonly is: 'nothing' };

export const nothing: Conversion = { is: 'nothing' };

/** The apiVersion of what conversions make. */
export const calicoVersion = 'projectcalico.org/v3';

/** An issue about the object of Kubernetes, with the path in that. */
export function conversionIssue(path: Path, message: string): Issue {
  return { path: pathText(path), code: 'conversion', message };
}
