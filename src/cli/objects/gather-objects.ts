import type { Client } from '../../client/client.js';
import { type StoredObject, StoreError } from '../../datastore/store.js';
import { type Kind, kindOf } from '../../resources/kinds.js';
import type { ObjectKey } from '../../resources/resource.js';
import type { Io } from '../io.js';
import { type NamedOptions, namedObjects, targetsOfWords } from './named-objects.js';
import { fieldAt } from './object-fields.js';
import { keysOf, type Target } from './object-targets.js';
import type { ObjectGroup } from './print-objects.js';

/** What the words or files of a command name, in that order; undefined after telling why files can't be used. */
export async function gatherObjects(
  client: Client,
  words: readonly string[],
  options: NamedOptions,
  io: Pick<Io, 'stdin' | 'stderr'>,
  missing: StoreError[],
): Promise<ObjectGroup[] | undefined> {
  if (options.filename.length > 0 && words.length === 0) {
    const objects = await namedObjects(words, options, io);
    return (
      objects &&
      named(
        client,
        objects.map(({ key }) => key),
        missing,
      )
    );
  }
  const groups: ObjectGroup[] = [];
  for (const target of targetsOfWords(words, options)) {
    if (target.names.length === 0) groups.push(await listed(client, target));
    else groups.push(...(await named(client, keysOf(target), missing)));
  }
  return groups;
}

async function listed(client: Client, { definition: { kind }, namespace }: Target): Promise<ObjectGroup> {
  const { items, resourceVersion } = await client.list(kind, namespace);
  return { kind, items: kind === 'Tier' ? items.toSorted(byOrder) : items, resourceVersion };
}

function byOrder(a: StoredObject, b: StoredObject): number {
  const order = (object: StoredObject): number => Number(fieldAt(object, 'spec.order') ?? Number.POSITIVE_INFINITY);
  return order(a) === order(b) ? 0 : order(a) - order(b);
}

/** One group for each kind. */
async function named(client: Client, keys: readonly ObjectKey[], missing: StoreError[]): Promise<ObjectGroup[]> {
  const byKind = new Map<Kind, StoredObject[]>();
  for (const key of keys) {
    try {
      const object = await client.get(key);
      byKind.set(object.kind, [...(byKind.get(object.kind) ?? []), object]);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'not-found')) throw error;
      missing.push(error);
    }
  }
  const asked = keys.flatMap(({ kind }) => kindOf(kind)?.kind ?? []);
  return [...new Set(asked)].flatMap((kind) => {
    const items = byKind.get(kind);
    return items === undefined ? [] : [{ kind, items }];
  });
}
