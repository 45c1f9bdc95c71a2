import { NftError } from './driver.js';
import { isRecord, type Json, type JsonObject } from './json.js';

/** An object of a listing, or, of a set with many elements, a part of it: the first has all members, each some elements. */
export interface ListedPiece {
  readonly kind: string;
  readonly object: JsonObject;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** What it was parsed from: an object whose only member is the object. */
  readonly json: string;
}

/** The depth of the elements of a set: in a list of objects with one member. */
const ELEMENTS = 5;

/** Characters of a set that are parsed at once. */
const LONGEST = 65_536;

/**
 * Takes the output of `nft -j list` apart as it comes, so that never all of it is in memory, nor parsed at once. Call it with each
 * piece of text, and `end` after the last. Throws NftError `unreadable` if it is no such output.
 */
export function listingPieces() {
  let head = '';
  /** What there is of the current object. */
  let text = '';
  let depth = 0;
  let inString = false;
  let escaped = false;
  /** The kind of the set that is told in parts. */
  let cut: string | undefined;

  const whole = (end: string): ListedPiece[] => {
    const isFirst = cut === undefined;
    const json = isFirst ? end : `{"${cut}":{"elem":[${end}`;
    cut = undefined;
    const root = parseJson(json);
    if (!isRecord(root)) return [];
    return Object.entries(root).flatMap(([kind, object]) =>
      isRecord(object) ? [{ kind, object, isFirst, isLast: true, json }] : [],
    );
  };

  /** Elements go up to here; undefined if the object is no set. */
  const part = (start: string): ListedPiece | undefined => {
    const kind = cut ?? /^\s*\{\s*"(set|map)"/.exec(start)?.[1];
    if (kind === undefined) return undefined;
    const isFirst = cut === undefined;
    const json = isFirst ? `${start}]}}` : `{"${kind}":{"elem":[${start}]}}`;
    const root = parseJson(json);
    const object = isRecord(root) ? root[kind] : undefined;
    if (!isRecord(object)) throw unreadable('has a set that is no object');
    cut = kind;
    return { kind, object, isFirst, isLast: false, json };
  };

  return {
    *take(chunk: string): Generator<ListedPiece> {
      let from = 0;
      for (let index = 0; index < chunk.length; index++) {
        const code = chunk.charCodeAt(index);
        if (inString) {
          if (escaped) escaped = false;
          else if (code === BACKSLASH) escaped = true;
          else if (code === QUOTE) inString = false;
          continue;
        }
        switch (code) {
          case QUOTE:
            inString = true;
            break;
          case BRACE:
          case BRACKET:
            depth++;
            if (depth === 2) {
              head += chunk.slice(from, index + 1);
              from = index + 1;
            }
            break;
          case END_BRACE:
          case END_BRACKET:
            depth--;
            if (depth === 2) {
              yield* whole(text + chunk.slice(from, index + 1));
              text = '';
              from = index + 1;
            }
            break;
          case COMMA:
            if (depth === 2) from = index + 1;
            else if (depth === ELEMENTS && text.length + index - from > LONGEST) {
              const piece = part(text + chunk.slice(from, index));
              if (!piece) break;
              yield piece;
              text = '';
              from = index + 1;
            }
        }
      }
      if (depth < 2) head += chunk.slice(from);
      else if (depth > 2) text += chunk.slice(from);
    },
    end(): void {
      if (depth !== 0 || inString || !/^\s*\{\s*"nftables":\s*\[\s*\]\s*\}\s*$/.test(head)) {
        throw unreadable('has no list of objects');
      }
    },
  };
}

export function parseJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw unreadable('is not JSON', cause);
  }
}

function unreadable(what: string, cause?: unknown): NftError {
  return new NftError('unreadable', `the output of nft -j ${what}`, undefined, undefined, { cause });
}

const QUOTE = 34;
const COMMA = 44;
const BRACKET = 91;
const BACKSLASH = 92;
const END_BRACKET = 93;
const BRACE = 123;
const END_BRACE = 125;
