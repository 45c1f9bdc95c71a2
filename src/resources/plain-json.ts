import { mostNesting } from './yaml-documents.js';

/** Strings, with the colon if it is a key, and numbers: in a text that is JSON, one of them never begins within the other. */
const tokens = /"(?:[^"\\]|\\.)*"(\s*:)?|-?\d[\d.eE+-]*/g;

/**
 * The value of a text that is JSON and loses nothing when JavaScript parses it: no key stands twice in a map, and each number
 * prints as it is spelled. Undefined for any other text.
 */
export function plainJson(text: string): unknown {
  const value = parseJson(text);
  if (value === undefined) return undefined;
  let keys = 0;
  for (const [token, colon] of text.matchAll(tokens)) {
    if (colon !== undefined) keys += 1;
    else if (!token.startsWith('"') && String(Number(token)) !== token) return undefined;
  }
  return keys === countKeys(value, 0) ? value : undefined;
}

/** Undefined for a text that is not JSON; what is wrong with it is told by the YAML parser, with the line. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Not a number if it is nested too deeply. */
function countKeys(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth >= mostNesting) return Number.NaN;
  const values: unknown[] = Object.values(value);
  const own = Array.isArray(value) ? 0 : values.length;
  return values.reduce((sum: number, item) => sum + countKeys(item, depth + 1), own);
}
