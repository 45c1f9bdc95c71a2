import type { Members } from './host-policy.js';

/** How a member is held: numbers take a fraction of what texts take. */
interface Coding {
  key(text: string): Key;
  text(key: Key): string;
  /** In the order in which members are told. */
  sorted(keys: readonly Key[]): Iterable<Key>;
}

type Key = number | string;

/** As they come. */
export const asText: Coding = { key: (text) => text, text: String, sorted: (keys) => keys };

/** Canonical IPv4 addresses, told in their order. Signed: what fits into 31 bits and a sign is no object of its own. */
export const asIPv4: Coding = {
  key(text) {
    let address = 0;
    let part = 0;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code === DOT) {
        address = address * 256 + part;
        part = 0;
      } else part = part * 10 + code - ZERO;
    }
    return (address * 256 + part) | 0;
  },
  text: (key) => `${(+key >>> 24) & 255}.${(+key >>> 16) & 255}.${(+key >>> 8) & 255}.${+key & 255}`,
  sorted: sortedNumbers,
};

function sortedNumbers(keys: readonly Key[]): Iterable<number> {
  return keys.length < MANY ? Uint32Array.from(keys, Number).sort() : sortedInParts(keys);
}

/** By their first half at once, and those that have it in common when they are asked for: sorting a million takes long. */
function* sortedInParts(keys: readonly Key[]): Generator<number> {
  const ends = new Uint32Array(HALF + 1);
  for (const key of keys) bump(ends, +key >>> 16);
  let sum = 0;
  for (let half = 0; half < HALF; half++) {
    const count = ends[half] ?? 0;
    ends[half] = sum;
    sum += count;
  }
  const numbers = new Uint32Array(keys.length);
  for (const key of keys) numbers[bump(ends, +key >>> 16)] = +key;
  let begin = 0;
  for (let half = 0; half < HALF; half++) {
    const end = ends[half] ?? 0;
    if (end > begin) yield* numbers.subarray(begin, end).sort();
    begin = end;
  }
}

const HALF = 65_536;
/** To sort fewer takes no time. */
const MANY = 10_000;

function bump(counts: Uint32Array, index: number): number {
  const count = counts[index] ?? 0;
  counts[index] = count + 1;
  return count;
}

const DOT = 46;
const ZERO = 48;

/** Members that are counted; what has been told of them at one moment stays true, and costs what changes after it. */
export interface CountedMembers {
  /** Both return whether a member came or went. */
  add(text: string): boolean;
  remove(text: string): boolean;
  has(text: string): boolean;
  readonly size: number;
  /** The members of now: the same object until one comes or goes. */
  current(): Members;
}

/** A moment: what has come (true) and gone (false) until the next one, or until now for the last. */
interface State {
  readonly members: Members;
  readonly changes: Map<Key, boolean>;
  next: State | undefined;
}

// An older moment knows the newer one and not the reverse, so that it goes when nobody asks for it any more.
const states = new WeakMap<Members, State>();

export function countedMembers(coding: Coding): CountedMembers {
  const counts = new Map<Key, number>();
  let latest: State | undefined;

  const note = (key: Key, added: boolean): void => {
    if (latest) toggle(latest.changes, key, added);
  };

  const keysAt = (state: State): readonly Key[] => {
    const changes = changesUntil(state, undefined) ?? new Map();
    const keys: Key[] = [];
    for (const key of counts.keys()) if (!changes.has(key)) keys.push(key);
    for (const [key, added] of changes) if (!added) keys.push(key);
    return keys;
  };

  const hadAt = (state: State, key: Key): boolean => {
    for (let each: State | undefined = state; each; each = each.next) {
      const added = each.changes.get(key);
      if (added !== undefined) return !added;
    }
    return counts.has(key);
  };

  const moment = (): State => {
    const members: Members = {
      size: counts.size,
      has: (text) => hadAt(state, coding.key(text)),
      changesSince(earlier) {
        const before = states.get(earlier);
        const changes = before && changesUntil(before, state);
        if (!changes) return undefined;
        const textsOf = (wanted: boolean) =>
          [...changes].filter(([, added]) => added === wanted).map(([key]) => coding.text(key));
        return { added: textsOf(true), removed: textsOf(false) };
      },
      *[Symbol.iterator]() {
        for (const key of coding.sorted(keysAt(state))) yield coding.text(key);
      },
    };
    const state: State = { members, changes: new Map(), next: undefined };
    states.set(members, state);
    return state;
  };

  return {
    has: (text) => counts.has(coding.key(text)),
    get size() {
      return counts.size;
    },
    add(text) {
      const key = coding.key(text);
      const users = counts.get(key) ?? 0;
      counts.set(key, users + 1);
      if (users === 0) note(key, true);
      return users === 0;
    },
    remove(text) {
      const key = coding.key(text);
      const users = counts.get(key) ?? 0;
      if (users > 1) counts.set(key, users - 1);
      else if (counts.delete(key)) note(key, false);
      return users === 1;
    },
    current() {
      if (latest && latest.changes.size === 0) return latest.members;
      const next = moment();
      if (latest) latest.next = next;
      latest = next;
      return next.members;
    },
  };
}

/** What is different at the end, undefined for now; undefined if the end is not after the begin. */
function changesUntil(begin: State, end: State | undefined): ReadonlyMap<Key, boolean> | undefined {
  if (begin.next === undefined && end === undefined) return begin.changes;
  const sum = new Map<Key, boolean>();
  let state: State | undefined = begin;
  for (; state && state !== end; state = state.next) for (const [key, added] of state.changes) toggle(sum, key, added);
  return state === end ? sum : undefined;
}

/** One that comes after it went has not changed, nor has one that goes after it came. */
function toggle(changes: Map<Key, boolean>, key: Key, added: boolean): void {
  if (!changes.delete(key)) changes.set(key, added);
}
