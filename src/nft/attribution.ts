import type { NftError, Script } from './driver.js';
import type { Origin } from './objects.js';

/**
 * Whose fault a refusal is, where nft named the line. It often can't: a loop or a reject below postrouting is told for the
 * chain that leads there. Then try without some of `originsOf(script)`.
 */
export function attribute(error: NftError, script: Script): Origin | undefined {
  if (error.origin) return error.origin;
  const index = error.line === undefined ? -1 : script.text.split('\n').indexOf(error.line);
  return script.origins[index];
}

/** All for whom the script has lines, each once. */
export function originsOf(script: Script): readonly Origin[] {
  const origins = new Map<string, Origin>();
  for (const origin of script.origins) {
    if (origin) origins.set(JSON.stringify([origin.kind, origin.namespace, origin.name]), origin);
  }
  return [...origins.values()];
}
