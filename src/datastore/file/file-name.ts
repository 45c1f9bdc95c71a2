import { createHash } from 'node:crypto';
import type { ObjectKey } from '../../resources/resource.js';

/** File names may have 255 bytes; some are for the hidden name that a file is written under. */
const mostLength = 200;

/**
 * The name of a file for one object, `networkpolicy-prod-web.yaml`. Where that is too long, has characters that shells
 * and people stumble over, or is taken, a digest tells it from others.
 */
export function fileNameOf({ kind, namespace, name }: ObjectKey, isTaken: boolean): string {
  const plain = [kind, ...(namespace === undefined ? [] : [namespace]), name].join('-').toLowerCase();
  const safe = plain.replace(/[^a-z0-9._-]/g, '_').slice(0, mostLength);
  if (safe === plain && !isTaken) return `${safe}.yaml`;
  const digest = createHash('sha256')
    .update(JSON.stringify([kind, namespace, name]))
    .digest('hex');
  return `${safe}-${digest.slice(0, 12)}.yaml`;
}
