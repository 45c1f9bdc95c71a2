import { parseSelector } from './parse-selector.js';

/** Why a text is not a selector, with the character where it fails (from 1); undefined if it is one. */
export function checkSelector(text: string): string | undefined {
  const parsed = parseSelector(text);
  return parsed.ok ? undefined : `${parsed.message} (at character ${parsed.position + 1})`;
}
