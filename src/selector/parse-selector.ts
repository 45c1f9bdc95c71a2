import { all, compare, global, group, has, member, not, type Selector } from './selector.js';
import { type SelectorError, type Token, type TokenKind, tokenize } from './tokenize.js';

export type ParsedSelector =
  | { readonly ok: true; readonly selector: Selector }
  | ({ readonly ok: false } & SelectorError);

/** Deepest nesting of parentheses. Calico has no limit, but a selector must not be able to overflow the stack. */
const MAX_DEPTH = 500;

/** Parses a selector in Calico's language (docs.tigera.io, "Selectors"). The position of an error counts characters from 0. */
export function parseSelector(text: string): ParsedSelector {
  const tokens = tokenize(text);
  if ('message' in tokens) return { ok: false, ...tokens };
  if (tokens.length === 1) return { ok: true, selector: all() };
  const cursor: Cursor = { tokens, next: 0, depth: 0 };
  const selector = parseOr(cursor);
  if (isError(selector)) return { ok: false, ...selector };
  const rest = peek(cursor);
  if (rest.kind === 'end') return { ok: true, selector };
  return { ok: false, ...unexpected(rest, '&&, || or the end') };
}

interface Cursor {
  readonly tokens: readonly Token[];
  next: number;
  depth: number;
}

type Parsed = Selector | SelectorError;

function isError(parsed: Parsed): parsed is SelectorError {
  return 'message' in parsed;
}

function parseOr(cursor: Cursor): Parsed {
  return parseChain(cursor, '||', parseAnd);
}

function parseAnd(cursor: Cursor): Parsed {
  return parseChain(cursor, '&&', parseUnary);
}

function parseChain(cursor: Cursor, operator: '&&' | '||', parseOperand: (cursor: Cursor) => Parsed): Parsed {
  const operands: Selector[] = [];
  do {
    const operand = parseOperand(cursor);
    if (isError(operand)) return operand;
    operands.push(operand);
  } while (accept(cursor, operator));
  return group(operator, operands);
}

/** A run of `!` counts by parity; it binds to the one primary that follows. */
function parseUnary(cursor: Cursor): Parsed {
  let negated = false;
  while (accept(cursor, '!')) negated = !negated;
  const operand = parsePrimary(cursor);
  return negated && !isError(operand) ? not(operand) : operand;
}

function parsePrimary(cursor: Cursor): Parsed {
  const token = take(cursor);
  switch (token.kind) {
    case 'all':
      return all();
    case 'global':
      return global();
    case 'has':
      return has(token.text);
    case 'label':
      return parseLabelOperation(cursor, token.text);
    case '(':
      return parseParentheses(cursor, token);
    default:
      return unexpected(token, 'a label, has(), all(), global(), ! or (');
  }
}

function parseParentheses(cursor: Cursor, opening: Token): Parsed {
  if (cursor.depth === MAX_DEPTH) {
    return { message: `parentheses are nested more than ${MAX_DEPTH} deep`, position: opening.position };
  }
  cursor.depth++;
  const inner = parseOr(cursor);
  cursor.depth--;
  if (isError(inner)) return inner;
  const closing = take(cursor);
  return closing.kind === ')' ? inner : unexpected(closing, '&&, || or )');
}

function parseLabelOperation(cursor: Cursor, label: string): Parsed {
  const operator = take(cursor);
  switch (operator.kind) {
    case '==':
    case '!=':
    case 'contains':
    case 'starts with':
    case 'ends with': {
      const value = take(cursor);
      if (value.kind !== 'string') return unexpected(value, `a string in quotes after ${operator.kind}`);
      return compare(operator.kind, label, value.text);
    }
    case 'in':
    case 'not in': {
      const values = parseSet(cursor, operator.kind);
      return 'message' in values ? values : member(operator.kind, label, values);
    }
    default:
      return unexpected(operator, `an operator after label ${label}`);
  }
}

/** `{}` is allowed, and a comma after the last value. */
function parseSet(cursor: Cursor, operator: string): string[] | SelectorError {
  const opening = take(cursor);
  if (opening.kind !== '{') return unexpected(opening, `a set like {"a", "b"} after ${operator}`);
  const values: string[] = [];
  while (!accept(cursor, '}')) {
    const value = take(cursor);
    if (value.kind !== 'string') return unexpected(value, 'a string in quotes or }');
    values.push(value.text);
    if (peek(cursor).kind !== '}' && !accept(cursor, ',')) return unexpected(peek(cursor), ', or }');
  }
  return values;
}

function peek(cursor: Cursor): Token {
  return cursor.tokens[cursor.next] ?? { kind: 'end', text: '', position: 0 };
}

/** The end is never passed, so that what expects more finds it again. */
function take(cursor: Cursor): Token {
  const token = peek(cursor);
  if (token.kind !== 'end') cursor.next++;
  return token;
}

function accept(cursor: Cursor, kind: TokenKind): boolean {
  if (peek(cursor).kind !== kind) return false;
  cursor.next++;
  return true;
}

function unexpected(token: Token, wanted: string): SelectorError {
  return { message: `expected ${wanted}, found ${describe(token)}`, position: token.position };
}

function describe({ kind, text }: Token): string {
  switch (kind) {
    case 'end':
      return 'the end';
    case 'label':
      return `label ${text}`;
    case 'string':
      return `string ${JSON.stringify(text)}`;
    case 'has':
      return `has(${text})`;
    case 'all':
    case 'global':
      return `${kind}()`;
    default:
      return kind;
  }
}
