import { type Document, isAlias, isSeq, isMap as isYamlMap, LineCounter, type Node } from 'yaml';
import { isMap } from './normalise.js';
import { parsePath } from './path.js';
import type { Issue, Path } from './resource.js';
import { mostNesting, yamlDocuments } from './yaml-documents.js';
import { keyTextOf, lineOfNode, yamlValue } from './yaml-value.js';

/** One object of a file, before it is known what it is. */
export interface RawDocument {
  /** Position among the objects of the file, from 0. */
  readonly index: number;
  readonly place: Place;
  /** Where it begins, from 1. */
  readonly line: number;
  /** Absent if the document can't be used, for the reasons in `issues`. Numbers that need it keep their spelling. */
  readonly value?: unknown;
  readonly issues: readonly Issue[];
  readonly warnings: readonly Issue[];
  /** The line of a path such as `spec.ports[0]`, or of the innermost part of it that is there. */
  lineOf(path: string): number | undefined;
}

/** Where in a file an object stands. */
export interface Place {
  /** Number of the YAML document, empty ones counted, from 0. */
  readonly document: number;
  /** The way to it in the document; empty if it is the document. */
  readonly path: Path;
}

type Entry = Omit<RawDocument, 'index'>;

/**
 * The objects of a file: several YAML documents, lists and kinds such as HostEndpointList are taken apart, empty
 * documents left out. YAML 1.2, with warnings where YAML 1.1, which calicoctl reads, means something else. Never
 * throws.
 */
export function readDocuments(text: string, format: 'yaml' | 'json'): RawDocument[] {
  const lines = new LineCounter();
  const entries = parse(text, format, lines);
  return entries.map((entry, index) => ({ index, ...entry }));
}

function parse(text: string, format: 'yaml' | 'json', lines: LineCounter): Entry[] {
  const parsed = yamlDocuments(text, lines);
  if ('tooDeepAt' in parsed) {
    const { line } = lines.linePos(parsed.tooDeepAt);
    const message = `is nested more than ${mostNesting} levels deep`;
    return [unusable(line, [{ path: '', code: 'nesting', message, line }], [], { document: 0, path: [] })];
  }
  // YAML is not quite a superset of JSON: it limits the length of keys, for one.
  if (format === 'json' && parsed.documents.some(({ errors }) => errors.length > 0)) {
    const value = parseJson(text);
    if (value !== undefined)
      return expand({ value, line: 1, warnings: [], lineOf: () => 1, place: { document: 0, path: [] } });
  }
  return parsed.documents.flatMap((document, number) => documentEntries(document, number, lines));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is wrong is told by the YAML parser, with the line.
    return undefined;
  }
}

function documentEntries(document: Document.Parsed, number: number, lines: LineCounter): Entry[] {
  const place = { document: number, path: [] };
  const line = lineOfNode(document.contents, lines) ?? lines.linePos(document.range[0]).line;
  if (document.errors.length > 0) {
    const issues = document.errors.map(
      ({ message, pos }): Issue => ({ path: '', code: 'syntax', message, line: lines.linePos(pos[0]).line }),
    );
    return [unusable(line, issues, [], place)];
  }
  const { value, issues, warnings } = yamlValue(document, lines);
  if (value === null && issues.length === 0) return [];
  if (issues.length > 0) return [unusable(line, issues, warnings, place)];
  return expand({ value, line, warnings, lineOf: (path) => lineAt(document, parsePath(path), lines), place });
}

function unusable(line: number, issues: readonly Issue[], warnings: readonly Issue[], place: Place): Entry {
  return { line, issues, warnings, lineOf: () => undefined, place };
}

/** A list in a list is as deep as anybody writes them. */
const mostListDepth = 3;

/** Takes lists apart. */
function expand({ value, line, warnings, lineOf, place }: Omit<Entry, 'issues'>, depth = 0): Entry[] {
  const listed = depth < mostListDepth ? listIn(value) : undefined;
  if (listed === undefined) return [{ line, value, issues: [], warnings, lineOf, place }];
  return listed.items.flatMap((item, index) => {
    const base = `${listed.path}[${index}]`;
    const own = warnings.flatMap((warning) => {
      const inner = warning.path.slice(base.length);
      const isInside = warning.path.startsWith(base) && /^(?:[.[]|$)/.test(inner);
      return isInside ? [{ ...warning, path: inner.replace(/^\./, '') }] : [];
    });
    const inner: Omit<Entry, 'issues'> = {
      value: withType(item, listed.itemType),
      line: lineOf(base) ?? line,
      warnings: own,
      lineOf: (path) => lineOf(joinPath(base, path)),
      place: { document: place.document, path: [...place.path, ...parsePath(base)] },
    };
    return expand(inner, depth + 1);
  });
}

interface Listed {
  readonly items: readonly unknown[];
  readonly path: '' | 'items';
  readonly itemType: Readonly<Record<string, unknown>>;
}

function listIn(value: unknown): Listed | undefined {
  if (Array.isArray(value)) return { items: value, path: '', itemType: {} };
  if (!isMap(value)) return undefined;
  const { kind, apiVersion, items } = value;
  if (
    typeof kind !== 'string' ||
    !kind.endsWith('List') ||
    !(items === null || items === undefined || Array.isArray(items))
  )
    return undefined;
  const itemType = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
  return { items: items ?? [], path: 'items', itemType };
}

/** Items of a HostEndpointList need not say that they are HostEndpoints. */
function withType(item: unknown, type: Readonly<Record<string, unknown>>): unknown {
  return isMap(item) ? { ...type, ...item } : item;
}

function joinPath(base: string, path: string): string {
  return path === '' || path.startsWith('[') ? base + path : `${base}.${path}`;
}

function lineAt(document: Document.Parsed, path: Path, lines: LineCounter): number | undefined {
  let node: unknown = document.contents;
  let line = lineOfNode(node, lines);
  for (const part of path) {
    const target: unknown = isAlias(node) ? node.resolve(document) : node;
    const found = child(target, part);
    if (found === undefined) break;
    line = lineOfNode(found.at, lines) ?? line;
    node = found.node;
  }
  return line;
}

function child(node: unknown, part: string | number): { at: unknown; node: unknown } | undefined {
  if (isSeq(node)) {
    const item = typeof part === 'number' ? (node.items[part] as Node | undefined) : undefined;
    return item === undefined ? undefined : { at: item, node: item };
  }
  if (!isYamlMap(node)) return undefined;
  const wanted = String(part).toLowerCase();
  const pair = node.items.find(({ key }) => keyTextOf(key)?.toLowerCase() === wanted);
  return pair === undefined ? undefined : { at: pair.key, node: pair.value };
}
