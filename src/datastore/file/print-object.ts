import { stringify } from 'yaml';
import type { Format } from './reader.js';

/**
 * An object as a document of a file, with a newline at its end. Strings that YAML 1.1, which calicoctl and kubectl
 * read, would take for something else are quoted.
 */
export function printObject(object: unknown, format: Format): string {
  if (format === 'json') return `${JSON.stringify(object, null, 2)}\n`;
  return stringify(object, { compat: 'yaml-1.1', lineWidth: 0, indentSeq: false, aliasDuplicateObjects: false });
}
