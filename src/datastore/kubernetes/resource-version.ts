import { mapIn, textIn } from './conversion/native.js';

/** Of an object, or of a list. */
export function versionOf(object: unknown): string | undefined {
  return textIn(mapIn(object, 'metadata'), 'resourceVersion');
}

/**
 * Negative if `a` is older than `b`. They are revisions of etcd in every API server that there is; undefined for others, which
 * can't be compared.
 */
export function compareVersions(a: string, b: string): number | undefined {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return undefined;
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
