import { isDeepStrictEqual } from 'node:util';
import { isMap } from '../resources/normalise.js';

/** What can't be applied to an object, for the user. */
export class PatchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PatchError';
  }
}

/** RFC 6902: applies operations one after the other. @throws PatchError for the first that can't be, with its number */
export function jsonPatch(target: unknown, operations: readonly unknown[]): unknown {
  let document: unknown = target;
  operations.forEach((operation, index) => {
    try {
      document = applied(document, operation);
    } catch (error) {
      if (!(error instanceof PatchError)) throw error;
      throw new PatchError(`operation ${index} of the patch: ${error.message}`);
    }
  });
  return document;
}

function applied(document: unknown, operation: unknown): unknown {
  if (!isMap(operation)) throw new PatchError('must be a map with op and path');
  const path = pointer(operation.path, 'path');
  switch (operation.op) {
    case 'add':
      return change(document, path, { add: operation.value });
    case 'remove':
      return change(document, path, 'remove');
    case 'replace':
      valueAt(document, path);
      return change(document, path, { set: operation.value });
    case 'move': {
      const from = pointer(operation.from, 'from');
      const value = valueAt(document, from);
      return change(change(document, from, 'remove'), path, { add: value });
    }
    case 'copy':
      return change(document, path, { add: valueAt(document, pointer(operation.from, 'from')) });
    case 'test':
      if (isDeepStrictEqual(valueAt(document, path), operation.value)) return document;
      throw new PatchError(`test of ${String(operation.path)} failed`);
    default:
      throw new PatchError(`op must be add, remove, replace, move, copy or test, not ${JSON.stringify(operation.op)}`);
  }
}

function pointer(text: unknown, field: string): string[] {
  if (typeof text !== 'string' || (text !== '' && !text.startsWith('/')))
    throw new PatchError(`${field} must be a JSON pointer such as /spec/node`);
  return text
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function valueAt(document: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, step) => {
    const found = Array.isArray(value) ? value[indexIn(value, step)] : isMap(value) ? ownField(value, step) : undefined;
    if (found === undefined) throw new PatchError(`there is no /${path.join('/')}`);
    return found;
  }, document);
}

type Change = 'remove' | { readonly add: unknown } | { readonly set: unknown };

/** The document with what is at the path changed; the rest is shared. */
function change(document: unknown, path: readonly string[], what: Change): unknown {
  const [step, ...rest] = path;
  if (step === undefined) {
    if (what === 'remove') throw new PatchError('the whole object can not be removed');
    return 'add' in what ? what.add : what.set;
  }
  if (rest.length === 0) return put(document, step, what);
  return put(document, step, { set: change(valueAt(document, [step]), rest, what) });
}

function put(container: unknown, step: string, what: Change): unknown {
  if (Array.isArray(container)) {
    const index = step === '-' && what !== 'remove' ? container.length : indexIn(container, step);
    const atEnd = index === container.length && what !== 'remove' && 'add' in what;
    if (index > container.length || (index === container.length && !atEnd))
      throw new PatchError(`there is no item ${step}`);
    if (what === 'remove') return container.toSpliced(index, 1);
    return 'add' in what ? container.toSpliced(index, 0, what.add) : container.with(index, what.set);
  }
  if (!isMap(container)) throw new PatchError(`there is nothing to hold ${step}`);
  if (what !== 'remove') return { ...container, [step]: 'add' in what ? what.add : what.set };
  if (!Object.hasOwn(container, step)) throw new PatchError(`there is no ${step}`);
  const { [step]: _removed, ...rest } = container;
  return rest;
}

function indexIn(list: readonly unknown[], step: string): number {
  if (!/^(?:0|[1-9]\d*)$/.test(step)) throw new PatchError(`${step} is no index of a list with ${list.length} items`);
  return Number(step);
}

function ownField(map: Readonly<Record<string, unknown>>, field: string): unknown {
  return Object.hasOwn(map, field) ? map[field] : undefined;
}
