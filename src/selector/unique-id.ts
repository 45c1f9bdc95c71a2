import { createHash } from 'node:crypto';
import { canonicalText } from './canonical-text.js';
import type { Selector } from './selector.js';

/** `prefix:` and 38 characters of base64url that stand for prefix and content (SHA-224), as Calico makes its ids. */
export function uniqueId(prefix: string, content: string): string {
  return `${prefix}:${createHash('sha224').update(`${prefix}:${content}`).digest('base64url')}`;
}

/** The id of a selector, the same for selectors with one canonical text, and the same as Calico's. */
export function selectorId(selector: Selector): string {
  return uniqueId('s', canonicalText(selector));
}
