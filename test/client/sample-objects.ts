import { prepareObject } from '../../src/client/prepare-object.js';
import type { StoredObject } from '../../src/datastore/store.js';
import type { Kind } from '../../src/resources/kinds.js';
import { sample } from '../resources/sample-resources.js';

/** The sample of a kind as it would be written. */
export function prepared(kind: Kind): StoredObject {
  const { object, issues } = prepareObject(sample(kind));
  if (object === undefined) throw new Error(`${kind}: ${JSON.stringify(issues)}`);
  return object;
}
