import { isMap } from '../resources/normalise.js';
import { jsonPatch, PatchError } from './json-patch.js';
import { mergePatch, strategicMergePatch } from './merge-patch.js';
import type { PatchType } from './patch-type.js';

/**
 * A value with a patch applied. calicoctl takes every patch as a strategic one, whatever its type is said to be; so a
 * map is one for `json`, too, which otherwise wants a list of operations. @throws PatchError
 */
export function applyPatch(value: unknown, patch: unknown, type: PatchType): unknown {
  if (type === 'json' && Array.isArray(patch)) return jsonPatch(value, patch);
  if (!isMap(patch))
    throw new PatchError(`the patch must be a map of fields${type === 'json' ? ', or a list of operations' : ''}`);
  return type === 'merge' ? mergePatch(value, patch) : strategicMergePatch(value, patch);
}
