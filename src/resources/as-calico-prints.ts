import type { ReadableKind } from './kinds.js';
import { isMap, normalise } from './normalise.js';
import { shapeOfKind } from './shape.js';

/**
 * An object from a datastore as Calico's client prints it, whoever has written it: without what is empty there, and with what is
 * always there. What is of the wrong type stays, so that it can be seen; so do fields that a newer Calico may know.
 */
export function asCalicoPrints(
  object: Readonly<Record<string, unknown>>,
  definition: ReadableKind,
): Readonly<Record<string, unknown>> {
  const normal = normalise({ ...object, spec: object.spec ?? {} }, shapeOfKind(definition), [], {
    form: 'printed',
    unknownFields: 'keep',
    anyProtocolCase: false,
    checkSelector: () => undefined,
    issues: [],
    warnings: [],
  });
  return isMap(normal) ? normal : object;
}
