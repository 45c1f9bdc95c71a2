import { isRecord, type Json, onlyMember } from './json.js';
import type { Expression, MetaKey, PayloadField } from './objects.js';

export interface ParsedExpression {
  readonly expression: Expression;
  /** Transport protocols that its name says, and that have to be matched before: 6 for `tcp dport`. */
  readonly protocols: readonly number[];
}

/** An expression as nft lists it; undefined if Margay has no such expression. */
export function parseExpression(json: Json | undefined): ParsedExpression | undefined {
  const member = onlyMember(json);
  if (!member) return undefined;
  const [kind, body] = member;
  if (kind === '&') return parseMasked(body);
  if (kind === 'concat') return parseConcat(body);
  if (!isRecord(body)) return undefined;
  if (kind === 'payload') return parsePayload(body.protocol, body.field, Object.keys(body).length);
  if (Object.keys(body).length !== 1) return undefined;
  const expression = kind === 'meta' ? parseMeta(body.key) : kind === 'ct' ? parseCt(body.key) : undefined;
  return expression && { expression, protocols: [] };
}

function parseMeta(key: Json | undefined): Expression | undefined {
  const known = META_KEYS.find((each) => each === key);
  return known && { kind: 'meta', key: known };
}

const META_KEYS: readonly MetaKey[] = ['nfproto', 'l4proto', 'mark', 'iif', 'iifname', 'oifname'];

function parseCt(key: Json | undefined): Expression | undefined {
  return key === 'state' || key === 'status' ? { kind: 'ct', key } : undefined;
}

function parsePayload(
  protocol: Json | undefined,
  field: Json | undefined,
  members: number,
): ParsedExpression | undefined {
  const number = TRANSPORT.get(String(protocol));
  const name = number === undefined ? protocol : 'th';
  const known = PAYLOAD_FIELDS.find((each) => each.protocol === name && each.field === field);
  if (!known || members !== 2) return undefined;
  return { expression: { kind: 'payload', ...known }, protocols: number === undefined ? [] : [number] };
}

const TRANSPORT: ReadonlyMap<string, number> = new Map([
  ['tcp', 6],
  ['udp', 17],
  ['dccp', 33],
  ['sctp', 132],
  ['udplite', 136],
]);

const PAYLOAD_FIELDS: readonly PayloadField[] = [
  { protocol: 'ip', field: 'saddr' },
  { protocol: 'ip', field: 'daddr' },
  { protocol: 'ip6', field: 'saddr' },
  { protocol: 'ip6', field: 'daddr' },
  { protocol: 'ip6', field: 'hoplimit' },
  { protocol: 'th', field: 'sport' },
  { protocol: 'th', field: 'dport' },
  { protocol: 'icmp', field: 'type' },
  { protocol: 'icmp', field: 'code' },
  { protocol: 'icmpv6', field: 'type' },
  { protocol: 'icmpv6', field: 'code' },
];

function parseMasked(body: Json): ParsedExpression | undefined {
  if (!Array.isArray(body) || body.length !== 2) return undefined;
  const parsed = parseExpression(body[0]);
  const mask = body[1];
  if (!parsed || (typeof mask !== 'number' && typeof mask !== 'string')) return undefined;
  return { expression: { kind: 'masked', expression: parsed.expression, mask }, protocols: parsed.protocols };
}

function parseConcat(body: Json): ParsedExpression | undefined {
  if (!Array.isArray(body)) return undefined;
  const parts = body.map(parseExpression);
  if (!parts.every((part) => part !== undefined)) return undefined;
  return {
    expression: { kind: 'concat', parts: parts.map(({ expression }) => expression) },
    protocols: parts.flatMap(({ protocols }) => protocols),
  };
}
