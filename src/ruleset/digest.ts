import { createHash } from 'node:crypto';

/** A digest of a value, in hexadecimal: names are made of its first digits. */
export function digestOf(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}
