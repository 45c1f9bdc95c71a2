/** What a selector's text consists of. `text` is the label of a `label` or `has`, and the content of a `string`. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Index of its first character, from 0. */
  readonly position: number;
}

export type Operator = '==' | '!=' | 'contains' | 'starts with' | 'ends with' | 'in' | 'not in';
export type TokenKind =
  | Operator
  | ('label' | 'string' | 'has' | 'all' | 'global')
  | ('(' | ')' | '{' | '}' | ',' | '!' | '&&' | '||' | 'end');

/** Why a selector is not one, and at which character (from 0). */
export interface SelectorError {
  readonly message: string;
  readonly position: number;
}

/** Longest label name, in bytes; all its characters are ASCII. */
const MAX_LABEL = 512;

const SPACE = /[ \t]*/y;
const SYMBOL = /==|!=|&&|\|\||[(){},!]/y;
const LABEL = /[A-Za-z0-9_./-]+/y;
const FUNCTION = /(?:has|all|global)\(/y;
const HAS = /has\([ \t]*([A-Za-z0-9_./-]+)[ \t]*\)/y;
const ALL_OR_GLOBAL = /(all|global)\([ \t]*\)/y;
const OPERATOR = /(?:(contains)|(starts)[ \t]*with|(ends)[ \t]*with|(not)[ \t]*in|in)(?![A-Za-z0-9_./-])/y;

/** Splits a selector into tokens, the last of kind `end`; or says why it can't. */
export function tokenize(text: string): readonly Token[] | SelectorError {
  const tokens: Token[] = [];
  for (let position = 0; ; ) {
    position += matchAt(SPACE, text, position)?.[0].length ?? 0;
    if (position === text.length) {
      tokens.push({ kind: 'end', text: '', position });
      return tokens;
    }
    const next = readToken(text, position, tokens.at(-1)?.kind === 'label');
    if ('message' in next) return next;
    tokens.push(next.token);
    position = next.end;
  }
}

type Reading = { readonly token: Token; readonly end: number } | SelectorError;

/** Words are operators directly after a label and labels everywhere else: `in in {"a"}` is right. */
function readToken(text: string, position: number, afterLabel: boolean): Reading {
  const first = text.charAt(position);
  if (first === '"' || first === "'") return readString(text, position, first);
  const symbol = matchAt(SYMBOL, text, position)?.[0];
  if (symbol !== undefined) return reading(symbol as TokenKind, '', position, position + symbol.length);
  if (first === '=' || first === '&' || first === '|') {
    return { message: `a single ${first} is no operator, write ${first}${first}`, position };
  }
  if (afterLabel) return readOperator(text, position);
  return readFunction(text, position) ?? readLabel(text, position);
}

function readString(text: string, position: number, quote: string): Reading {
  const end = text.indexOf(quote, position + 1);
  if (end < 0) return { message: `the string that starts here has no closing ${quote}`, position };
  return reading('string', text.slice(position + 1, end), position, end + 1);
}

function readOperator(text: string, position: number): Reading {
  const match = matchAt(OPERATOR, text, position);
  if (match === undefined) {
    const message = 'expected an operator after the label: ==, !=, in, not in, contains, starts with or ends with';
    return { message, position };
  }
  const [whole, contains, starts, ends, notIn] = match;
  const kind = contains ?? (starts && 'starts with') ?? (ends && 'ends with') ?? (notIn && 'not in') ?? 'in';
  return reading(kind as Operator, '', position, position + whole.length);
}

/** The parenthesis must follow the word at once; otherwise the word is a label. */
function readFunction(text: string, position: number): Reading | undefined {
  if (matchAt(FUNCTION, text, position) === undefined) return undefined;
  const has = matchAt(HAS, text, position);
  if (has !== undefined) return labelToken('has', has[1] ?? '', position, position + has[0].length);
  const other = matchAt(ALL_OR_GLOBAL, text, position);
  if (other !== undefined) return reading(other[1] as 'all' | 'global', '', position, position + other[0].length);
  const message = text.startsWith('has(', position)
    ? 'has() takes exactly one label name, without quotes'
    : 'all() and global() take nothing between their parentheses';
  return { message, position };
}

function readLabel(text: string, position: number): Reading {
  const label = matchAt(LABEL, text, position)?.[0];
  if (label !== undefined) return labelToken('label', label, position, position + label.length);
  const character = JSON.stringify(String.fromCodePoint(text.codePointAt(position) ?? 0));
  return { message: `unexpected character ${character}`, position };
}

function labelToken(kind: 'label' | 'has', label: string, position: number, end: number): Reading {
  if (label.length <= MAX_LABEL) return reading(kind, label, position, end);
  return { message: `a label name may have ${MAX_LABEL} bytes, this one has ${label.length}`, position };
}

function reading(kind: TokenKind, text: string, position: number, end: number): Reading {
  return { token: { kind, text, position }, end };
}

function matchAt(pattern: RegExp, text: string, position: number): RegExpExecArray | undefined {
  pattern.lastIndex = position;
  return pattern.exec(text) ?? undefined;
}
