/** Takes a list of Kubernetes apart while it comes in: each item is parsed by itself, so that they are never in memory all at once. */
export interface ListParser {
  /** The items that end in this piece of the text. @throws SyntaxError for an item that is no JSON */
  push(piece: Buffer): readonly unknown[];
  /** The list with null for its items. @throws SyntaxError for what is no JSON */
  end(): unknown;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;

/** Which part of the text is being read: that around the items, or these. */
type Phase = 'before' | 'items' | 'after';

export function listParser(): ListParser {
  let phase: Phase = 'before';
  let depth = 0;
  let inText = false;
  let isEscaped = false;
  /** Before the items: the text that is being read is, or was, the name of a field of the outermost map. */
  let field: string | undefined;
  let nextIsField = false;
  /** The bytes of the current item, or of what is around the items, from earlier pieces. */
  let kept: Buffer[] = [];
  const around: Buffer[] = [];

  function keep(bytes: Buffer): void {
    if (phase === 'items') {
      if (depth > 0) kept.push(Buffer.from(bytes));
    } else if (bytes.length > 0) around.push(Buffer.from(bytes));
  }

  /** Reads what is around the items, and answers where they begin, or the end of the piece. */
  function readAround(piece: Buffer, start: number): number {
    for (let at = start; at < piece.length; at++) {
      const byte = piece[at] ?? 0;
      if (inText) {
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) inText = false;
        else if (field !== undefined) field += String.fromCharCode(byte);
        continue;
      }
      switch (byte) {
        case QUOTE:
          inText = true;
          field = nextIsField && depth === 1 ? '' : undefined;
          nextIsField = false;
          break;
        case COMMA:
          nextIsField = true;
          field = undefined;
          break;
        case OPEN_LIST:
        case OPEN_MAP:
          if (byte === OPEN_LIST && depth === 1 && field === 'items' && phase === 'before') return at;
          depth += 1;
          nextIsField = byte === OPEN_MAP;
          field = undefined;
          break;
        case CLOSE_LIST:
        case CLOSE_MAP:
          depth -= 1;
          break;
        default:
          // A value that is no list ends what could have been one; blanks and the colon do not.
          if (byte > 0x20 && byte !== COLON) field = undefined;
      }
    }
    return piece.length;
  }

  /** Reads items, and answers where they end, or the end of the piece. */
  function readItems(piece: Buffer, begin: number, found: unknown[]): number {
    let start = begin;
    for (let at = begin; at < piece.length; at++) {
      const byte = piece[at];
      if (inText) {
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) inText = false;
      } else if (byte === QUOTE) inText = true;
      else if (byte === OPEN_MAP || byte === OPEN_LIST) {
        if (depth === 0) start = at;
        depth += 1;
      } else if (byte === CLOSE_MAP || byte === CLOSE_LIST) {
        if (depth === 0) return at;
        depth -= 1;
        if (depth === 0) found.push(parsedItem(piece.subarray(start, at + 1)));
      }
    }
    keep(piece.subarray(start));
    return piece.length;
  }

  function parsedItem(last: Buffer): unknown {
    const bytes = kept.length === 0 ? last : Buffer.concat([...kept, last]);
    kept = [];
    return JSON.parse(bytes.toString('utf8'));
  }

  return {
    push(piece) {
      const found: unknown[] = [];
      let at = 0;
      while (at < piece.length) {
        if (phase === 'items') {
          at = readItems(piece, at, found);
          if (at === piece.length) break;
          phase = 'after';
          depth = 1;
          around.push(Buffer.from('null'));
          at += 1;
        }
        const end = readAround(piece, at);
        keep(piece.subarray(at, end));
        at = end;
        if (at === piece.length) break;
        phase = 'items';
        depth = 0;
        at += 1;
      }
      return found;
    },
    end: () => JSON.parse(Buffer.concat(around).toString('utf8')),
  };
}
