import type { StoredObject } from '../datastore/store.js';
import { parseResource } from '../resources/parse-resource.js';
import type { Issue } from '../resources/resource.js';
import { checkSelector } from '../selector/check-selector.js';

/** What is wrong with an object as it is stored: `issues` keep an agent from using it, `warnings` do not. */
export function examineObject(object: StoredObject): {
  readonly issues: readonly Issue[];
  readonly warnings: readonly Issue[];
} {
  const { parsed } = parseResource(object, { unknownFields: 'warning', defaults: 'none', checkSelector });
  return { issues: parsed.valid ? [] : parsed.issues, warnings: parsed.warnings };
}
