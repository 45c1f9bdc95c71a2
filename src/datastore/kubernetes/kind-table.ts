import { isDeepStrictEqual } from 'node:util';
import { isMap } from '../../resources/normalise.js';
import { parseResource } from '../../resources/parse-resource.js';
import { keyText, type Parsed } from '../../resources/resource.js';
import type { SourceEvent } from '../source.js';
import type { Conversion } from './conversion/conversion.js';
import { mapIn, type Native, present, textIn } from './conversion/native.js';
import type { Place } from './place.js';
import type { Change } from './reflector.js';
import { versionOf } from './resource-version.js';
import { rivals } from './rivals.js';
import { deleteOf, type TableEntry, updateOf } from './table-entry.js';

/** What is known of the objects of one kind, and what its listener has to be told when that changes. */
export interface KindTable {
  page(objects: readonly unknown[], first: boolean, place: Place): SourceEvent[];
  /** What no page of the list had is gone. */
  listed(): SourceEvent[];
  changes(changes: readonly Change[], place: Place): SourceEvent[];
  /** The objects as they were last told, if they are valid. */
  values(): Iterable<Parsed>;
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * An object of Kubernetes is kept only as what it means to policy. What is kept is what was handed out, so keeping it costs a
 * reference if the listener keeps it too.
 */
export function kindTable(checkSelector: (text: string) => string | undefined): KindTable {
  const entries = new Map<string, TableEntry>();
  const clashes = rivals(entries);
  let list = 0;

  function parse(conversion: Exclude<Conversion, { is: 'nothing' }>): Parsed {
    if (conversion.is === 'invalid') return { valid: false, issues: conversion.issues, warnings: [] };
    const value = forPolicy(conversion.value);
    const { parsed } = parseResource(value, { unknownFields: 'warning', defaults: 'none', checkSelector });
    return conversion.warnings.length === 0
      ? parsed
      : { ...parsed, warnings: [...conversion.warnings, ...parsed.warnings] };
  }

  function put(object: unknown, place: Place): SourceEvent[] {
    if (!isMap(object)) return [];
    const id = idOf(object);
    const known = entries.get(id);
    const version = versionOf(object);
    if (known !== undefined) known.list = list;
    // What the server has not changed is not looked at again.
    if (known !== undefined && version !== undefined && known.version === version) return [];
    const conversion = place.convert(object);
    if (conversion.is === 'nothing') return drop(id);
    const parsed = parse(conversion);
    const { key } = conversion;
    if (known !== undefined && keyText(known.key) === keyText(key) && isDeepStrictEqual(known.parsed, parsed)) {
      known.version = version;
      return [];
    }
    const gone = known !== undefined && keyText(known.key) !== keyText(key) ? drop(id) : [];
    const entry: TableEntry = { key, file: `${place.resource}/${id}`, parsed, version, list };
    entries.set(id, entry);
    return [...gone, ...(place.mayClash ? clashes.put(id, entry) : [updateOf(entry)])];
  }

  function drop(id: string): SourceEvent[] {
    const entry = entries.get(id);
    if (entry === undefined) return [];
    entries.delete(id);
    return clashes.drop(id, entry) ?? [deleteOf(entry)];
  }

  return {
    page(objects, first, place) {
      if (first) list += 1;
      return objects.flatMap((object) => put(object, place));
    },
    listed() {
      const gone = [...entries].filter(([, entry]) => entry.list !== list);
      return gone.flatMap(([id]) => drop(id));
    },
    changes: (changes, place) =>
      changes.flatMap(({ type, object }) => (type === 'DELETED' ? drop(idOf(object)) : put(object, place))),
    *values() {
      for (const { parsed } of entries.values()) yield parsed;
    },
  };
}

function idOf(object: unknown): string {
  const metadata = mapIn(object, 'metadata');
  const [namespace, name] = [textIn(metadata, 'namespace'), textIn(metadata, 'name') ?? ''];
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** What policy is made of. Versions change with each write, and would make equal objects differ. */
function forPolicy(value: unknown): unknown {
  if (!isMap(value)) return value;
  const metadata = mapIn(value, 'metadata');
  const { name, namespace, labels, creationTimestamp } = metadata;
  const annotations = withoutLastApplied(mapIn(metadata, 'annotations'));
  const kept = present({ name, namespace, labels, annotations, creationTimestamp });
  const { apiVersion, kind, spec, status } = value;
  return present({ apiVersion, kind, metadata: kept, spec, status });
}

/** kubectl keeps the whole object once more in it. */
function withoutLastApplied({ [lastApplied]: _, ...annotations }: Native): Native | undefined {
  return Object.keys(annotations).length > 0 ? annotations : undefined;
}
