import { StoreError } from '../datastore/store.js';
import type { Issue } from '../resources/resource.js';
import { InvalidObjectError } from './invalid-object-error.js';
import { objectId } from './object-id.js';

/** What went wrong with an object, in the words of calicoctl where it has some (source: libcalico-go/lib/errors). */
export function errorText(error: unknown): string {
  if (error instanceof InvalidObjectError) return validationText(error.issues);
  if (!(error instanceof StoreError)) return error instanceof Error ? error.message : String(error);
  const { code, key, message } = error;
  const about = key === undefined ? message : objectId(key);
  switch (code) {
    case 'not-found':
      return `resource does not exist: ${about}`;
    case 'already-exists':
      return `resource already exists: ${about}`;
    case 'conflict':
      return key === undefined ? `update conflict: ${message}` : `update conflict: ${about}: ${message}`;
    case 'unauthorized':
      return `connection is unauthorized: ${message}`;
    default:
      return message;
  }
}

/** With the path of a field, where Calico has the name of the field in its program. */
function validationText(issues: readonly Issue[]): string {
  const [first, ...more] = issues.map(fieldText);
  if (more.length > 0)
    return ['error with the following fields:', ...[first, ...more].map((text) => `-  ${text}`)].join('\n');
  return issues[0]?.path === '' ? (first ?? '') : `error with field ${first}`;
}

function fieldText({ path, message, line }: Issue): string {
  const field = path === '' ? message : `${path} (${message})`;
  return line === undefined ? field : `${field}, line ${line}`;
}
