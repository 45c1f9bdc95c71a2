import type { Expression, MetaKey, Operand, Statement, Value, Verdict } from './objects.js';

/** Builders for the objects in `objects.ts`. What they return is frozen: a tree that is shared is never changed. */

type Match = Extract<Statement, { kind: 'match' }>;

function frozen<T extends object>(value: T): Readonly<T> {
  return Object.freeze(value);
}

function metaKey(key: MetaKey): Expression {
  return frozen({ kind: 'meta', key });
}

/** Facts about the packet that are not in its headers. */
export const meta = frozen({
  nfproto: metaKey('nfproto'),
  l4proto: metaKey('l4proto'),
  mark: metaKey('mark'),
  iif: metaKey('iif'),
  iifname: metaKey('iifname'),
  oifname: metaKey('oifname'),
});

/** IPv4 header; a rule that looks at it matches IPv4 only. */
export const ip = frozen({
  saddr: frozen<Expression>({ kind: 'payload', protocol: 'ip', field: 'saddr' }),
  daddr: frozen<Expression>({ kind: 'payload', protocol: 'ip', field: 'daddr' }),
});

/** IPv6 header; a rule that looks at it matches IPv6 only. */
export const ip6 = frozen({
  saddr: frozen<Expression>({ kind: 'payload', protocol: 'ip6', field: 'saddr' }),
  daddr: frozen<Expression>({ kind: 'payload', protocol: 'ip6', field: 'daddr' }),
  hoplimit: frozen<Expression>({ kind: 'payload', protocol: 'ip6', field: 'hoplimit' }),
});

/** Ports of any transport protocol. Match `meta l4proto` first: the bytes mean something else in other protocols. */
export const th = frozen({
  sport: frozen<Expression>({ kind: 'payload', protocol: 'th', field: 'sport' }),
  dport: frozen<Expression>({ kind: 'payload', protocol: 'th', field: 'dport' }),
});

/** ICMP header; a rule that looks at it matches ICMP over IPv4 only. */
export const icmp = frozen({
  type: frozen<Expression>({ kind: 'payload', protocol: 'icmp', field: 'type' }),
  code: frozen<Expression>({ kind: 'payload', protocol: 'icmp', field: 'code' }),
});

/** ICMPv6 header; a rule that looks at it matches ICMPv6 over IPv6 only. */
export const icmpv6 = frozen({
  type: frozen<Expression>({ kind: 'payload', protocol: 'icmpv6', field: 'type' }),
  code: frozen<Expression>({ kind: 'payload', protocol: 'icmpv6', field: 'code' }),
});

/** Connection tracking. `ct.status` matches no packet without a connection, in both forms; `ct.state` matches all. */
export const ct = frozen({
  state: frozen<Expression>({ kind: 'ct', key: 'state' }),
  status: frozen<Expression>({ kind: 'ct', key: 'status' }),
});

/** Several expressions as one key: `ip saddr . meta l4proto . th dport`. */
export function concat(...parts: readonly Expression[]): Expression {
  return frozen({ kind: 'concat', parts: frozen([...parts]) });
}

/** `expression & mask`; the mask is an address for addresses, a number otherwise. */
export function masked(expression: Expression, mask: number | string): Expression {
  return frozen({ kind: 'masked', expression, mask });
}

/** The named set. */
export function inSet(name: string): Operand {
  return frozen({ set: name });
}

/** An anonymous set: any of the values, which may overlap unless they are tuples. */
export function anyOf(values: readonly Value[]): Operand {
  return frozen({ elements: frozen([...values]) });
}

/** `left == right`, or for connection tracking: any of these bits is set. */
export function match(left: Expression, right: Operand): Match {
  return frozen<Match>({ kind: 'match', left, op: '==', right });
}

/** `left != right`, or for connection tracking: none of these bits is set. */
export function notMatch(left: Expression, right: Operand): Match {
  return frozen<Match>({ kind: 'match', left, op: '!=', right });
}

/** The verdict that belongs to the key; goes on with the next rule if there is none. */
export function vmap(key: Expression, elements: readonly (readonly [Value, Verdict])[]): Statement {
  return frozen<Statement>({ kind: 'vmap', key, map: frozen({ elements: frozen([...elements]) }) });
}

/** The same with a named map. */
export function vmapNamed(key: Expression, name: string): Statement {
  return frozen<Statement>({ kind: 'vmap', key, map: frozen({ name }) });
}

/** Ends the base chain, not the hook: other base chains still see the packet. */
export const accept: Verdict = frozen({ kind: 'accept' });

/** Final for the packet. */
export const drop: Verdict = frozen({ kind: 'drop' });

/** Back to the caller of this chain, which is the policy (accept) in a base chain. */
export const ret: Verdict = frozen({ kind: 'return' });

/** Calls a chain: what falls off its end, or returns, comes back. */
export function jump(chain: string): Verdict {
  return frozen({ kind: 'jump', chain });
}

/** Goes to a chain for good: what returns from it comes back to the caller of this chain. */
export function goto(chain: string): Verdict {
  return frozen({ kind: 'goto', chain });
}

/** Final for the packet; the sender gets an ICMP port unreachable. Not below postrouting. */
export const reject: Statement = frozen({ kind: 'reject' });

/** Final for a TCP packet; the sender gets a reset. */
export const tcpReset = frozen<Statement>({ kind: 'reject', tcpReset: true });

/** Matches a packet whose connection makes more than `over` that have come here and are still open. */
export function ctCount(over: number): Statement {
  return frozen({ kind: 'ct count', over });
}

/** Changes the destination of a connection; in nat chains. */
export function dnat(to: string): Statement {
  return frozen({ kind: 'dnat', to });
}

/** Changes the source of a connection; in nat chains. */
export function snat(to: string): Statement {
  return frozen({ kind: 'snat', to });
}

/** No connection for this packet: only before conntrack, at priorities below -200. */
export const notrack: Statement = frozen({ kind: 'notrack' });

/** Counts packets and bytes; values are not compared when the table is read back. */
export const counter: Statement = frozen({ kind: 'counter' });

/** A line in the kernel's log; the prefix is cut to 127 bytes. */
export function log(prefix: string): Statement {
  return frozen<Statement>({ kind: 'log', prefix });
}

/** Matches while tokens last: `rate` packets per unit, at most `burst` at once. */
export function limit(rate: number, per: 'second' | 'minute' | 'hour' | 'day', burst: number): Statement {
  return frozen<Statement>({ kind: 'limit', rate, per, burst });
}

/** Matches packets that come faster: more than `burst` at once, then more than `rate` per second. */
export function limitOver(rate: number, burst: number): Statement {
  return frozen<Statement>({ kind: 'limit', rate, per: 'second', burst, over: true });
}

/** `meta mark = meta mark & and | or`. */
export function setMark(and: number, or: number): Statement {
  return frozen<Statement>({ kind: 'mark', and, or });
}
