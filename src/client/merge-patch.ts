import { isMap } from '../resources/normalise.js';

type Fields = Readonly<Record<string, unknown>>;

/** RFC 7386: maps are merged, null removes, everything else is replaced. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  return merged(isMap(target) ? target : {}, Object.entries(patch), mergePatch);
}

/**
 * Kubernetes' strategic merge patch for types without merge keys, as Calico's are: like `mergePatch`, with directives
 * (`$patch`, `$retainKeys`, `$deleteFromPrimitiveList`). The order of list elements is that of the patch, so
 * `$setElementOrder` has no effect.
 */
export function strategicMergePatch(target: unknown, patch: unknown): unknown {
  if (!isMap(patch)) return patch;
  const { $patch: directive, ...rest } = patch;
  if (directive === 'delete') return {};
  const fields = directive === 'replace' ? {} : isMap(target) ? target : {};
  const ordinary = Object.entries(rest).filter(([key]) => !key.startsWith('$'));
  return applyDirectives(merged(fields, ordinary, strategicMergePatch), rest);
}

function merged(
  target: Fields,
  patch: readonly (readonly [string, unknown])[],
  merge: (target: unknown, patch: unknown) => unknown,
): Fields {
  const result = new Map(Object.entries(target));
  for (const [key, value] of patch) {
    if (value === null) result.delete(key);
    else result.set(key, merge(result.get(key), value));
  }
  return Object.fromEntries(result);
}

function applyDirectives(target: Fields, patch: Fields): Fields {
  let entries = Object.entries(target);
  const { $retainKeys: retained } = patch;
  if (Array.isArray(retained)) entries = entries.filter(([key]) => retained.includes(key));
  for (const [directive, gone] of Object.entries(patch)) {
    const field = /^\$deleteFromPrimitiveList\/(.*)$/s.exec(directive)?.[1];
    if (field === undefined || !Array.isArray(gone)) continue;
    entries = entries.map(([key, value]) =>
      key === field && Array.isArray(value) ? [key, value.filter((item) => !gone.includes(item))] : [key, value],
    );
  }
  return Object.fromEntries(entries);
}
