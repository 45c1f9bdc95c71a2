import { keyText, type ObjectKey } from '../../resources/resource.js';
import type { SourceEvent } from '../source.js';
import { deleteOf, type TableEntry, tableIssue, updateOf } from './table-entry.js';

/** Stored objects that say that they are the same policy: older clients of Calico stored it under another name. */
export interface Rivals {
  put(id: string, entry: TableEntry): SourceEvent[];
  /** Undefined: it never had a rival, nor could it have. */
  drop(id: string, entry: TableEntry): SourceEvent[] | undefined;
}

/** The one that is stored under the policy's own name counts, else the one whose name sorts first. */
export function rivals(entries: ReadonlyMap<string, TableEntry>): Rivals {
  const claims = new Map<string, { readonly ids: Set<string>; winner: string | undefined }>();
  const told = new Set<string>();

  function settle(text: string): SourceEvent[] {
    const claim = claims.get(text);
    if (claim === undefined) return [];
    const [first, ...others] = [...claim.ids].sort((a, b) => Number(!isOwn(a)) - Number(!isOwn(b)) || (a < b ? -1 : 1));
    claim.winner = first;
    const winner = first === undefined ? undefined : entries.get(first);
    if (winner === undefined) claims.delete(text);
    return [
      ...(winner === undefined ? [] : [updateOf(winner)]),
      ...others.flatMap((id) => second(entries.get(id), winner)),
      ...(winner === undefined ? [] : noMoreSecond(winner.file)),
    ];
  }

  function isOwn(id: string): boolean {
    const key = entries.get(id)?.key;
    return key !== undefined && id === idOfKey(key);
  }

  function second(entry: TableEntry | undefined, winner: TableEntry | undefined): SourceEvent[] {
    if (entry === undefined || winner === undefined) return [];
    told.add(entry.file);
    const { key, file } = entry;
    const message = `${key.kind} ${idOfKey(key)} is also stored as ${winner.file}, which counts; ${file} is ignored`;
    return [
      {
        type: 'problems',
        file,
        unreadable: false,
        problems: [{ key, issue: tableIssue('second-definition', message) }],
      },
    ];
  }

  function noMoreSecond(file: string): SourceEvent[] {
    return told.delete(file) ? [{ type: 'problems', file, unreadable: false, problems: [] }] : [];
  }

  return {
    put(id, { key }) {
      const text = keyText(key);
      const claim = claims.get(text) ?? { ids: new Set(), winner: undefined };
      claims.set(text, claim);
      claim.ids.add(id);
      return settle(text);
    },
    drop(id, entry) {
      const text = keyText(entry.key);
      const claim = claims.get(text);
      if (claim === undefined) return undefined;
      claim.ids.delete(id);
      const gone = claim.ids.size === 0 ? [deleteOf(entry)] : [];
      return [...gone, ...noMoreSecond(entry.file), ...settle(text)];
    },
  };
}

function idOfKey({ namespace, name }: ObjectKey): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
