import { canonicalValue } from './canonical-value.js';
import { chainHeader, ruleText, setHeader, verdictText } from './content.js';
import { type ChainContent, NftError, type SetContent, type TableContent } from './driver.js';
import { isRecord, type Json, type JsonObject } from './json.js';
import type { BaseChain, DataType } from './objects.js';
import { OTHER_KINDS, type OtherObject } from './other-objects.js';
import { parseStatements } from './parse-rule.js';
import { parseValue, parseVerdict } from './parse-value.js';

/**
 * The content of the table in the output of `nft -j list table`, numeric or not. Handles, counters and comments of chains and
 * sets are left out; what Margay never makes is kept as a text that equals nothing. Throws NftError `unreadable` if it is not
 * such an output at all.
 */
export function parseListing(listing: string): TableContent {
  const objects = parseObjects(listing);
  const chains = new Map<string, ChainContent & { rules: string[] }>();
  const sets = new Map<string, SetContent>();
  const others: OtherObject[] = [];
  let flagged = false;
  for (const [kind, object] of objects) {
    const name = typeof object.name === 'string' ? object.name : '';
    if (kind === 'table') flagged = 'flags' in object;
    else if (kind === 'chain') chains.set(name, { header: headerOfChain(object), rules: [] });
    else if (kind === 'rule') chains.get(String(object.chain))?.rules.push(textOfRule(object));
    else if (kind === 'set' || kind === 'map') sets.set(name, contentOfSet(kind, object));
    else if (isOtherKind(kind)) others.push({ kind, name });
  }
  return { chains, sets, others, flagged };
}

function parseObjects(listing: string): readonly (readonly [string, JsonObject])[] {
  const root = parseJson(listing);
  const list = isRecord(root) ? root.nftables : undefined;
  if (!Array.isArray(list)) throw new NftError('unreadable', 'the output of nft -j has no list of objects');
  return list.flatMap((entry) =>
    isRecord(entry)
      ? Object.entries(entry).flatMap(([kind, object]) => (isRecord(object) ? [[kind, object] as const] : []))
      : [],
  );
}

function parseJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new NftError('unreadable', 'the output of nft -j is not JSON', undefined, undefined, { cause });
  }
}

function isOtherKind(kind: string): kind is OtherObject['kind'] {
  return (OTHER_KINDS as readonly string[]).includes(kind);
}

/** Members that every object has, and that say nothing about what it does. */
const COMMON = ['family', 'table', 'name', 'handle', 'comment'];

/** What is left of an object, as something that makes its text differ from all that Margay writes; undefined if nothing is. */
function extraOf(object: JsonObject, known: readonly string[]): JsonObject | undefined {
  const extra = Object.entries(object).filter(([key]) => !COMMON.includes(key) && !known.includes(key));
  return extra.length === 0 ? undefined : Object.fromEntries(extra);
}

function headerOfChain(chain: JsonObject): string {
  const { type, hook, prio, policy } = chain;
  const extra = extraOf(chain, ['type', 'hook', 'prio', 'policy']);
  if (type === undefined && hook === undefined) return chainHeader(undefined, undefined, extra);
  // Whatever the words are: they are only compared.
  const base = { type, hook, priority: Number(prio) } as BaseChain;
  return chainHeader(base, typeof policy === 'string' ? policy : 'accept', extra);
}

function textOfRule(rule: JsonObject): string {
  const statements = parseStatements(Array.isArray(rule.expr) ? rule.expr : []);
  return ruleText(statements, typeof rule.comment === 'string' ? rule.comment : '');
}

function contentOfSet(kind: 'set' | 'map', set: JsonObject): SetContent {
  const type = [set.type].flat().map(String);
  const flags = [set.flags ?? []].flat().map(String);
  const { elements, unknown } = elementsOf(set, type as DataType[]);
  const extra = extraOf(set, ['type', 'flags', 'elem', ...(kind === 'map' && set.map === 'verdict' ? ['map'] : [])]);
  // An element that can't be told to nft again can't be deleted alone: the set has to be replaced.
  const odd = unknown.length > 0 ? { ...extra, unknown } : extra;
  return { kind, header: setHeader(kind, type, flags, odd), elements };
}

function elementsOf(set: JsonObject, types: readonly DataType[]) {
  const elements = new Map<string, string>();
  const unknown: Json[] = [];
  for (const element of Array.isArray(set.elem) ? set.elem : []) {
    const [key, verdict] = 'map' in set && Array.isArray(element) ? element : [element, null];
    const { text, extra } = keyText(key, types);
    const value = verdict === null ? '' : describeVerdict(verdict);
    if (text === undefined) unknown.push(element);
    else elements.set(text, extra === undefined ? value : JSON.stringify([value, extra]));
  }
  return { elements, unknown };
}

function describeVerdict(json: Json | undefined): string {
  const verdict = parseVerdict(json);
  return verdict ? verdictText(verdict) : JSON.stringify(json);
}

/** The key of an element; `extra` is what more there is to it, like a timeout. */
function keyText(json: Json | undefined, types: readonly DataType[]): { text?: string; extra?: JsonObject } {
  if (isRecord(json) && isRecord(json.elem)) {
    const { val, ...extra } = json.elem;
    return { ...keyText(val, types), extra };
  }
  const value = parseValue(json, types, 'name');
  if (value === undefined) return {};
  try {
    return { text: JSON.stringify(canonicalValue(value, types)) };
  } catch (error) {
    // Not a value that Margay could have written: the caller keeps it as unknown.
    if (error instanceof NftError) return {};
    throw error;
  }
}
