import { canonicalValue } from './canonical-value.js';
import { chainHeader, ruleText, setHeader, verdictText } from './content.js';
import { type ChainContent, NftError, type SetContent, type TableContent } from './driver.js';
import { fairShare } from './fair-share.js';
import { isRecord, type Json, type JsonObject } from './json.js';
import { type ListedPiece, listingPieces, parseJson } from './listing-pieces.js';
import type { BaseChain, DataType } from './objects.js';
import { OTHER_KINDS, type OtherObject } from './other-objects.js';
import { parseStatements } from './parse-rule.js';
import { parseValue, parseVerdict } from './parse-value.js';
import { sameChain } from './table-differences.js';

/**
 * The content of the table in the output of `nft -j list table`, numeric or not. Handles, counters and comments of chains and
 * sets are left out; what Margay never makes is kept as a text that equals nothing. Chains and sets that are as expected are the
 * expected objects, and take no memory of their own. Throws NftError `unreadable` if it is not such an output at all.
 */
export async function parseListing(
  chunks: AsyncIterable<string> | Iterable<string>,
  expected?: TableContent,
): Promise<TableContent> {
  const chains = new Map<string, ListedChain>();
  const sets = new Map<string, SetContent>();
  const others: OtherObject[] = [];
  const pieces = listingPieces();
  const share = fairShare();
  let flagged = false;
  let set: ListedSet | undefined;

  const take = (piece: ListedPiece): void => {
    const { kind, object, isFirst, isLast } = piece;
    const name = typeof object.name === 'string' ? object.name : '';
    if (kind === 'table') flagged = 'flags' in object;
    else if (kind === 'chain') chains.set(name, { header: headerOfChain(object), rules: [] });
    else if (kind === 'rule') chains.get(String(object.chain))?.rules.push(textOfRule(object));
    else if (kind === 'set' || kind === 'map') {
      if (isFirst) set = listedSet(kind, object, expected?.sets.get(name));
      set?.take(piece);
      if (isLast && set) sets.set(set.name, set.content());
    } else if (isOtherKind(kind)) others.push({ kind, name });
  };

  for await (const chunk of chunks) {
    for (const piece of pieces.take(chunk)) {
      take(piece);
      await share();
    }
  }
  pieces.end();
  return { chains: await asExpected(chains, expected, share), sets, others, flagged };
}

type ListedChain = ChainContent & { readonly rules: string[] };

async function asExpected(
  listed: ReadonlyMap<string, ListedChain>,
  expected: TableContent | undefined,
  share: () => Promise<void>,
): Promise<ReadonlyMap<string, ChainContent>> {
  const chains = new Map<string, ChainContent>();
  for (const [name, chain] of listed) {
    const same = expected?.chains.get(name);
    chains.set(name, same && sameChain(chain, same) ? same : chain);
    await share();
  }
  return chains;
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

/** A set or map whose elements come one part after the other. */
interface ListedSet {
  readonly name: string;
  take(piece: ListedPiece): void;
  content(): SetContent;
}

/** As long as elements are expected they are only counted, since the kernel has none twice. */
function listedSet(kind: 'set' | 'map', first: JsonObject, expected: SetContent | undefined): ListedSet {
  const type = [first.type].flat().map(String);
  const flags = [first.flags ?? []].flat().map(String);
  const unknown: Json[] = [];
  const counted: string[] = [];
  let members = first;
  let count = 0;
  let elements: Map<string, string> | undefined = expected ? undefined : new Map();

  const each = (part: JsonObject, take: (key: string, value: string) => void): void => {
    for (const element of Array.isArray(part.elem) ? part.elem : []) {
      const [json, verdict] = 'map' in first && Array.isArray(element) ? element : [element, null];
      const { text, extra } = keyText(json, type as DataType[]);
      const value = verdict === null ? '' : describeVerdict(verdict);
      if (text === undefined) unknown.push(element);
      else take(text, extra === undefined ? value : JSON.stringify([value, extra]));
    }
  };

  /** Something is not as expected: what was only counted has to be known. */
  const keepAll = (): Map<string, string> => {
    if (elements) return elements;
    const all = new Map<string, string>();
    elements = all;
    unknown.length = 0;
    for (const json of counted.splice(0)) {
      const root = parseJson(json) as { readonly [kind: string]: JsonObject };
      for (const part of Object.values(root)) each(part, (key, value) => all.set(key, value));
    }
    return all;
  };

  const countAll = (part: JsonObject): boolean => {
    let isExpected = true;
    each(part, (key, value) => {
      if (expected?.elements.get(key) === value) count++;
      else isExpected = false;
    });
    return isExpected;
  };

  return {
    name: String(first.name),
    take({ object, json }) {
      members = { ...object, ...members };
      if (elements) {
        const all = elements;
        each(object, (key, value) => all.set(key, value));
      } else {
        counted.push(json);
        if (!countAll(object)) keepAll();
      }
    },
    content() {
      const extra = extraOf(members, ['type', 'flags', 'elem', ...(first.map === 'verdict' ? ['map'] : [])]);
      // An element that can't be told to nft again can't be deleted alone: the set has to be replaced.
      const odd = unknown.length > 0 ? { ...extra, unknown } : extra;
      const header = setHeader(kind, type, flags, odd);
      if (!elements && expected?.header === header && expected.elements.size === count) return expected;
      return { kind, header, elements: keepAll() };
    },
  };
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
