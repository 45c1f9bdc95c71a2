import { isDeepStrictEqual } from 'node:util';
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
  type Scalar,
  visit,
  type YAMLMap,
} from 'yaml';
import { pathText } from './path.js';
import type { Issue, Path } from './resource.js';
import { mostNesting } from './yaml-documents.js';
import { difference11, resolvePlain } from './yaml-scalar.js';

export interface YamlValue {
  readonly value: unknown;
  readonly issues: readonly Issue[];
  readonly warnings: readonly Issue[];
}

/** Enough for any real use; a few nested aliases can otherwise stand for more nodes than memory holds. */
const mostAliasNodes = 100_000;
const standardTags = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq|merge)$/;

interface Conversion {
  readonly targets: ReadonlyMap<Alias, Node>;
  readonly lines: LineCounter;
  readonly issues: Issue[];
  readonly warnings: Issue[];
  readonly open: Set<Node>;
  aliasNodes: number;
}

/** The value of a document that parsed: YAML 1.2, with aliases and merge keys expanded. */
export function yamlValue(document: Document.Parsed, lines: LineCounter): YamlValue {
  const conversion: Conversion = {
    targets: aliasTargets(document),
    lines,
    issues: [],
    warnings: [],
    open: new Set(),
    aliasNodes: 0,
  };
  const value = convert(document.contents, [], false, conversion);
  return { value, issues: conversion.issues, warnings: conversion.warnings };
}

/** The line of a node, from 1. */
export function lineOfNode(node: unknown, lines: LineCounter): number | undefined {
  const start = (node as Partial<Node> | null)?.range?.[0];
  return start === undefined ? undefined : lines.linePos(start).line;
}

/** The text of a key, undefined for one that is a map or list. */
export function keyTextOf(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  return key.type === 'PLAIN' ? (key.source ?? String(key.value)) : String(key.value);
}

function convert(node: unknown, path: Path, throughAlias: boolean, conversion: Conversion): unknown {
  if (node === null || node === undefined) return null;
  if (throughAlias && ++conversion.aliasNodes > mostAliasNodes) {
    if (conversion.aliasNodes === mostAliasNodes + 1)
      tell('issues', 'alias-expansion', 'aliases stand for too many values', node, path, conversion);
    return null;
  }
  if (path.length > mostNesting) {
    tell('issues', 'nesting', `is nested more than ${mostNesting} levels deep`, node, path.slice(0, 1), conversion);
    return null;
  }
  if (isAlias(node)) return convertAlias(node, path, conversion);
  if (!checkTag(node as Node, path, conversion)) return null;
  if (isScalar(node)) return convertScalar(node, path, conversion);
  if (!isSeq(node) && !isMap(node)) return null;
  conversion.open.add(node);
  const value = isSeq(node)
    ? node.items.map((item, index) => convert(item, [...path, index], throughAlias, conversion))
    : convertMap(node, path, throughAlias, conversion);
  conversion.open.delete(node);
  return value;
}

function convertAlias(node: Alias, path: Path, conversion: Conversion): unknown {
  const target = conversion.targets.get(node);
  if (target !== undefined && !conversion.open.has(target)) return convert(target, path, true, conversion);
  const message =
    target === undefined ? `alias *${node.source} has no anchor` : `alias *${node.source} is part of itself`;
  tell('issues', 'alias', message, node, path, conversion);
  return null;
}

/** What each alias stands for: the last node before it with its anchor. The parser's own look-up walks the document each time. */
function aliasTargets(document: Document.Parsed): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Alias(_key, node) {
      const target = anchors.get(node.source);
      if (target !== undefined) targets.set(node, target);
    },
    Value(_key, node) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

function convertScalar(node: Scalar, path: Path, conversion: Conversion): unknown {
  const { source, type, tag, value } = node;
  if (tag === 'tag:yaml.org,2002:str') return type === 'PLAIN' ? (source ?? String(value)) : value;
  if (tag !== undefined || type !== 'PLAIN' || source === undefined) return value;
  warnOfYaml11(source, node, path, conversion);
  return resolvePlain(source);
}

function convertMap(node: YAMLMap, path: Path, throughAlias: boolean, conversion: Conversion): unknown {
  const entries = new Map<string, unknown>();
  const merged: unknown[] = [];
  for (const pair of node.items) {
    const key = keyTextOf(pair.key);
    if (key === undefined) {
      tell('issues', 'key', 'a key must be a plain word or a string', pair.key ?? node, path, conversion);
    } else if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
      merged.push(convert(pair.value, path, throughAlias, conversion));
    } else {
      setEntry(entries, key, pair, [...path, key], throughAlias, conversion);
    }
  }
  for (const source of merged.flat()) {
    if (typeof source !== 'object' || source === null) {
      tell('issues', 'merge-key', '<< needs a map, or a list of maps', node, path, conversion);
      continue;
    }
    for (const [key, value] of Object.entries(source)) if (!entries.has(key)) entries.set(key, value);
  }
  return Object.fromEntries(entries);
}

function setEntry(
  entries: Map<string, unknown>,
  key: string,
  pair: Pair,
  path: Path,
  throughAlias: boolean,
  conversion: Conversion,
): void {
  if (isScalar(pair.key) && pair.key.type === 'PLAIN') warnOfYaml11(key, pair.key, path, conversion);
  const value = convert(pair.value, path, throughAlias, conversion);
  if (!entries.has(key)) {
    entries.set(key, value);
  } else if (isDeepStrictEqual(entries.get(key), value)) {
    tell('warnings', 'duplicate-key', `key ${key} stands twice, with the same value`, pair.key, path, conversion);
  } else {
    tell('issues', 'duplicate-key', `key ${key} stands twice, with different values`, pair.key, path, conversion);
  }
}

function checkTag(node: Node, path: Path, conversion: Conversion): boolean {
  const { tag } = node;
  if (tag === undefined || standardTags.test(tag)) return true;
  const hint = tag.startsWith('!') ? `; if it belongs to the value, quote all of it: '${tag} ...'` : '';
  tell(
    'issues',
    'tag',
    `${tag} at the beginning of a value is a YAML tag, and not one that YAML defines${hint}`,
    node,
    path,
    conversion,
  );
  return false;
}

function warnOfYaml11(source: string, node: unknown, path: Path, conversion: Conversion): void {
  const message = difference11(source);
  if (message !== undefined) tell('warnings', 'yaml-1.1', message, node, path, conversion);
}

function tell(
  to: 'issues' | 'warnings',
  code: string,
  message: string,
  node: unknown,
  path: Path,
  conversion: Conversion,
): void {
  const line = lineOfNode(node, conversion.lines);
  conversion[to].push({ path: pathText(path), code, message, ...(line === undefined ? {} : { line }) });
}
