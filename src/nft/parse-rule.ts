import type { Match } from './canonical-match.js';
import { canonicalMatch } from './canonical-match.js';
import { canonicalValue } from './canonical-value.js';
import type { OpaqueStatement } from './content.js';
import { NftError } from './driver.js';
import { match, meta } from './expressions.js';
import { isRecord, type Json, onlyMember } from './json.js';
import type { Expression, Operand, Statement, Value, Verdict } from './objects.js';
import { parseExpression } from './parse-expression.js';
import { parseValue, parseVerdict } from './parse-value.js';
import { typesOf } from './value-type.js';

/** The statements of a rule as nft lists them; what Margay doesn't make becomes an opaque statement. */
export function parseStatements(list: readonly Json[]): readonly (Statement | OpaqueStatement)[] {
  return list.flatMap((json): readonly (Statement | OpaqueStatement)[] => {
    return parseStatement(json) ?? [{ kind: 'opaque', json: JSON.stringify(json) }];
  });
}

function parseStatement(json: Json): readonly Statement[] | undefined {
  const verdict = parseVerdict(json);
  if (verdict) return [verdict];
  const member = isRecord(json) ? Object.entries(json)[0] : undefined;
  return member && PARSERS[member[0]]?.(member[1] ?? null);
}

const PARSERS: { readonly [kind: string]: ((body: Json) => readonly Statement[] | undefined) | undefined } = {
  match: parseMatch,
  vmap: parseVmap,
  // A number of packets, or null where nft was told not to list them; a name would be a counter object.
  counter: (body) => (body === null || isRecord(body) ? [{ kind: 'counter' }] : undefined),
  limit: parseLimit,
  log: parseLog,
  notrack: (body) => (body === null ? [{ kind: 'notrack' }] : undefined),
  mangle: parseMark,
  reject: parseReject,
  'ct count': parseCtCount,
  dnat: (body) => parseNat('dnat', body),
  snat: (body) => parseNat('snat', body),
};

/** Matches that the listed expressions imply come first: nft lists `meta l4proto tcp th dport 80` as `tcp dport 80`. */
function impliedProtocols(protocols: readonly number[]): readonly Match[] {
  return protocols.map((protocol) => match(meta.l4proto, protocol));
}

function parseMatch(body: Json): readonly Statement[] | undefined {
  if (!isRecord(body)) return undefined;
  const parsed = parseExpression(body.left);
  if (!parsed) return undefined;
  const left = parsed.expression;
  const op = parseOperator(body.op, left);
  const right = parseOperand(body.right, left);
  if (op === undefined || right === undefined) return undefined;
  const statement: Match = { kind: 'match', left, op, right };
  return isValid(() => canonicalMatch(statement)) ? [...impliedProtocols(parsed.protocols), statement] : undefined;
}

function parseOperator(op: Json | undefined, left: Expression): '==' | '!=' | undefined {
  // Tests of bits; `==` and `!=` compare the whole word, which Margay never does.
  if (left.kind === 'ct') return op === 'in' ? '==' : op === '!' ? '!=' : undefined;
  if (op === 'in' || op === '==') return '==';
  return op === '!=' ? '!=' : undefined;
}

function parseOperand(json: Json | undefined, left: Expression): Operand | undefined {
  if (typeof json === 'string' && json.startsWith('@')) return { set: json.slice(1) };
  const elements = listedElements(json, left);
  if (elements === undefined) return parseValue(json, typesOf(left), 'wildcard');
  const values = elements.map((element) => parseValue(element, typesOf(left), 'wildcard'));
  return values.every((value) => value !== undefined) ? { elements: values } : undefined;
}

function listedElements(json: Json | undefined, left: Expression): readonly Json[] | undefined {
  if (left.kind === 'ct') return Array.isArray(json) ? json : undefined;
  const set = isRecord(json) ? json.set : undefined;
  if (set === undefined) return undefined;
  return Array.isArray(set) ? set : [set];
}

function parseVmap(body: Json): readonly Statement[] | undefined {
  if (!isRecord(body)) return undefined;
  const parsed = parseExpression(body.key);
  if (!parsed) return undefined;
  const key = parsed.expression;
  const implied = impliedProtocols(parsed.protocols);
  if (typeof body.data === 'string') return [...implied, { kind: 'vmap', key, map: { name: body.data.slice(1) } }];
  const list = isRecord(body.data) ? body.data.set : undefined;
  const elements = Array.isArray(list) ? list.map((element) => parseMapElement(element, key)) : [undefined];
  if (!elements.every((element) => element !== undefined)) return undefined;
  return [...implied, { kind: 'vmap', key, map: { elements } }];
}

function parseMapElement(json: Json, key: Expression): readonly [Value, Verdict] | undefined {
  if (!Array.isArray(json)) return undefined;
  const types = typesOf(key);
  const value = parseValue(json[0], types, 'wildcard');
  const verdict = parseVerdict(json[1]);
  if (value === undefined || !verdict || !isValid(() => canonicalValue(value, types))) return undefined;
  return [value, verdict];
}

function parseLimit(body: Json): readonly Statement[] | undefined {
  if (!isRecord(body)) return undefined;
  const { rate, per, burst = 5, inv = false, ...more } = body;
  if (typeof rate !== 'number' || typeof burst !== 'number' || Object.keys(more).length > 0) return undefined;
  const unit = UNITS.find((each) => each === per);
  if (!unit || typeof inv !== 'boolean') return undefined;
  return [{ kind: 'limit', rate, per: unit, burst, ...(inv ? { over: true } : {}) }];
}

const UNITS = ['second', 'minute', 'hour', 'day'] as const;

function parseLog(body: Json): readonly Statement[] | undefined {
  if (!isRecord(body)) return undefined;
  const { prefix = '', level, ...more } = body;
  if (typeof prefix !== 'string' || level !== 'info' || Object.keys(more).length > 0) return undefined;
  return [{ kind: 'log', prefix }];
}

/** Any of the ways to write it: `reject` after a match of IPv4 is listed as ICMP type 3, else as icmpx type 1. */
function parseReject(body: Json): readonly Statement[] | undefined {
  const reject: Statement = { kind: 'reject' };
  if (body === null) return [reject];
  if (!isRecord(body)) return undefined;
  if (body.type === 'tcp reset' && Object.keys(body).length === 1) return [{ kind: 'reject', tcpReset: true }];
  const code = PORT_UNREACHABLE[String(body.type)];
  return code !== undefined && (body.expr === code || body.expr === 'port-unreachable') ? [reject] : undefined;
}

const PORT_UNREACHABLE: { readonly [type: string]: number | undefined } = { icmpx: 1, icmp: 3, icmpv6: 4 };

function parseCtCount(body: Json): readonly Statement[] | undefined {
  if (!isRecord(body) || body.inv !== true || typeof body.val !== 'number') return undefined;
  return [{ kind: 'ct count', over: body.val }];
}

function parseNat(kind: 'dnat' | 'snat', body: Json): readonly Statement[] | undefined {
  if (!isRecord(body) || typeof body.addr !== 'string') return undefined;
  const { family, addr, ...more } = body;
  const own = addr.includes(':') ? 'ip6' : 'ip';
  return family === own && Object.keys(more).length === 0 ? [{ kind, to: addr }] : undefined;
}

/** `meta mark set` with any combination of the mark and constants, as long as no bit is inverted. */
function parseMark(body: Json): readonly Statement[] | undefined {
  if (!isRecord(body) || !isMark(body.key)) return undefined;
  const or = evaluate(body.value, 0);
  const ones = evaluate(body.value, 0xffffffff);
  if (or === undefined || ones === undefined || (or & ~ones) !== 0) return undefined;
  return [{ kind: 'mark', and: ones, or }];
}

function isMark(json: Json | undefined): boolean {
  const expression = parseExpression(json)?.expression;
  return expression?.kind === 'meta' && expression.key === 'mark';
}

function evaluate(json: Json | undefined, mark: number): number | undefined {
  if (typeof json === 'number') return json;
  if (isMark(json)) return mark;
  const member = onlyMember(json);
  const operands = member && Array.isArray(member[1]) ? member[1].map((operand) => evaluate(operand, mark)) : [];
  const [left, right, ...more] = operands;
  if (left === undefined || right === undefined || more.length > 0) return undefined;
  const result = { '&': left & right, '|': left | right, '^': left ^ right }[member?.[0] ?? ''];
  return result === undefined ? undefined : result >>> 0;
}

function isValid(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    // Nothing that Margay could have written, so it stays opaque.
    if (error instanceof NftError) return false;
    throw error;
  }
}
