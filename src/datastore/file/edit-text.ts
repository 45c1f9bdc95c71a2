import { Composer, type Document, isMap, isSeq, type Node, Parser, type YAMLSeq } from 'yaml';
import { isMap as isFields } from '../../resources/normalise.js';
import { isPlainScalar } from '../../resources/plain-scalar.js';
import { type Place, readDocuments } from '../../resources/read-documents.js';
import { printObject } from './print-object.js';
import type { Format } from './reader.js';

/**
 * The text of a file with the object at a place replaced, or removed if `object` is undefined; the rest stays byte for
 * byte, comments around the object too. Undefined if that can't be done: what comes out is read, and everything else
 * must be as it was.
 */
export function editText(text: string, format: Format, place: Place, object: unknown): string | undefined {
  const edited = edit(text, format, place, object);
  return edited !== undefined && isAsMeant(text, edited, format, place, object) ? edited : undefined;
}

function edit(text: string, format: Format, place: Place, object: unknown): string | undefined {
  const target = locate(text, place);
  if (target === undefined) return undefined;
  return object === undefined ? withoutNode(text, target) : withNode(text, target, format, object);
}

interface Target {
  readonly node: Node;
  readonly start: number;
  readonly end: number;
  /** The list that it is in. */
  readonly list?: { readonly node: YAMLSeq; readonly index: number };
}

function locate(text: string, { document: number, path }: Place): Target | undefined {
  const options = { version: '1.2', uniqueKeys: false, keepSourceTokens: true, logLevel: 'silent' } as const;
  const documents: Document.Parsed[] = [...new Composer(options).compose(new Parser().parse(text))];
  let node: unknown = documents[number]?.contents;
  let list: Target['list'];
  for (const step of path) {
    if (isMap(node)) node = node.get(step, true);
    else if (isSeq(node) && typeof step === 'number') {
      list = { node, index: step };
      node = node.items[step];
    } else return undefined;
  }
  const found = asNode(node);
  if (found?.range == null) return undefined;
  const [start, end] = found.range;
  return { node: found, start, end, ...(list === undefined ? {} : { list }) };
}

function asNode(node: unknown): Node | undefined {
  return isMap(node) || isSeq(node) ? node : undefined;
}

function withNode(text: string, target: Target, format: Format, object: unknown): string {
  const { start, end, list } = target;
  const before = text.slice(0, start);
  const line = before.slice(before.lastIndexOf('\n') + 1);
  // A block can't begin on the line of the marker.
  const onMarker = list === undefined && /^---[ \t]+$/.test(line);
  const asJson = format === 'json' || list?.node.flow === true;
  const indent = asJson ? (/^[ \t]*/.exec(line)?.[0] ?? '') : onMarker ? '' : ' '.repeat(line.length);
  const printed = printObject(object, asJson ? 'json' : 'yaml')
    .trimEnd()
    .replaceAll('\n', `\n${indent}`);
  // Blank lines of a block are not indented, and one with blanks only is as good.
  const written = `${onMarker ? '\n' : ''}${printed}${text.slice(start, end).endsWith('\n') ? '\n' : ''}`;
  return before + (text.includes('\r\n') ? written.replaceAll('\n', '\r\n') : written) + text.slice(end);
}

function withoutNode(text: string, target: Target): string {
  const { list } = target;
  if (list === undefined) return withoutDocument(text, target);
  return list.node.flow === true ? withoutFlowItem(text, target, list) : withoutBlockItem(text, target, list);
}

/** With the document go the comment lines directly above it, and its marker. */
function withoutDocument(text: string, { start, end }: Target): string {
  let from = withCommentsAbove(text, lineStart(text, start));
  const above = lineStart(text, Math.max(0, from - 1));
  if (from > 0 && /^---[ \t]*(?:#.*)?\r?\n$/.test(text.slice(above, from))) from = above;
  return text.slice(0, from) + text.slice(lineEnd(text, end));
}

function withoutFlowItem(text: string, { start, end }: Target, { node, index }: NonNullable<Target['list']>): string {
  const next = asNode(node.items[index + 1])?.range?.[0];
  if (next !== undefined) return text.slice(0, start) + text.slice(next);
  const previous = asNode(node.items[index - 1])?.range?.[1];
  return text.slice(0, previous ?? start) + text.slice(end);
}

function withoutBlockItem(text: string, { start, end }: Target, { node, index }: NonNullable<Target['list']>): string {
  const token = node.srcToken?.type === 'block-seq' ? node.srcToken.items[index] : undefined;
  const dash = token?.start.find(({ type }) => type === 'seq-item-ind')?.offset ?? start;
  const from = withCommentsAbove(text, lineStart(text, dash));
  return text.slice(0, from) + text.slice(lineEnd(text, end));
}

function withCommentsAbove(text: string, start: number): number {
  let from = start;
  while (from > 0) {
    const above = lineStart(text, from - 1);
    if (!/^[ \t]*#/.test(text.slice(above, from))) break;
    from = above;
  }
  return from;
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

/** Where the next line begins, if not already there; a comment behind goes, too. */
function lineEnd(text: string, offset: number): number {
  if (offset === 0 || text[offset - 1] === '\n') return offset;
  const newline = text.indexOf('\n', offset);
  return newline < 0 ? text.length : newline + 1;
}

function isAsMeant(text: string, edited: string, format: Format, place: Place, object: unknown): boolean {
  const before = readDocuments(text, format);
  const after = readDocuments(edited, format);
  if (after.some(({ issues }) => issues.length > 0)) return false;
  const expected = before.flatMap((document) => {
    if (!isSame(document.place, place)) return [document.value];
    return object === undefined ? [] : [object];
  });
  return isSame(
    expected,
    after.map(({ value }) => value),
  );
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(comparable(a)) === JSON.stringify(comparable(b));
}

/** Spelling and all, whatever the order of fields. */
function comparable(value: unknown): unknown {
  if (isPlainScalar(value)) return { spelling: value.source };
  if (Array.isArray(value)) return value.map(comparable);
  if (!isFields(value)) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, comparable(inner)]);
}
