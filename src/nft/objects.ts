/**
 * The nftables objects that Margay writes, as plain data in nft's own words. Rules are lists of typed statements; only
 * `print.ts` turns them into nft syntax. Names and values are checked there, so that no text from outside becomes syntax.
 * An object is never changed after it was made: what was worked out from it is remembered for as long as it lives.
 */

/** Which resource an object was made for. Errors of the kernel are traced back to it; it is not printed. */
export interface Origin {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

export type MetaKey = 'nfproto' | 'l4proto' | 'mark' | 'iif' | 'iifname' | 'oifname';
export type PayloadField =
  | { readonly protocol: 'ip'; readonly field: 'saddr' | 'daddr' }
  | { readonly protocol: 'ip6'; readonly field: 'saddr' | 'daddr' | 'hoplimit' }
  | { readonly protocol: 'th'; readonly field: 'sport' | 'dport' }
  | { readonly protocol: 'icmp' | 'icmpv6'; readonly field: 'type' | 'code' };

/** What a statement looks at in a packet. */
export type Expression =
  | { readonly kind: 'meta'; readonly key: MetaKey }
  | ({ readonly kind: 'payload' } & PayloadField)
  | { readonly kind: 'ct'; readonly key: 'state' | 'status' }
  /** `expression & mask`: the mask is an address for addresses, a number otherwise. */
  | { readonly kind: 'masked'; readonly expression: Expression; readonly mask: number | string }
  | { readonly kind: 'concat'; readonly parts: readonly Expression[] };

/** A CIDR; the host bits of the address are zero. */
export interface Prefix {
  readonly address: string;
  readonly length: number;
}

/** An inclusive range of numbers. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** An inclusive range of addresses that is not a prefix. */
export interface AddressRange {
  readonly from: string;
  readonly to: string;
}

/** All interface names that start like this: `"cali*"`. nft matches it alone or in an anonymous set, not as part of a tuple. */
export interface NamePrefix {
  readonly startsWith: string;
}

/**
 * One value of an expression: numbers for protocols, ports, marks and ICMP types; canonical text for addresses; any text
 * or a prefix of names for interface names; nft's words for `meta nfproto` (ipv4, ipv6), `ct state` and `ct status`; a tuple for a concatenation.
 */
export type Value = number | string | Prefix | Range | AddressRange | NamePrefix | readonly Value[];

export type Verdict =
  | { readonly kind: 'accept' | 'drop' | 'return' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };

/** The right side of a match: a value, an anonymous set (a packet matches any of the elements) or a named set. */
export type Operand = Value | { readonly elements: readonly Value[] } | { readonly set: string };

export type Statement =
  /** For `ct state` and `ct status` a value or list of values means: any of these bits is set (op `==`) or none is (`!=`). */
  | { readonly kind: 'match'; readonly left: Expression; readonly op: '==' | '!='; readonly right: Operand }
  | {
      readonly kind: 'vmap';
      readonly key: Expression;
      readonly map: { readonly name: string } | { readonly elements: readonly (readonly [Value, Verdict])[] };
    }
  | { readonly kind: 'counter' }
  | {
      readonly kind: 'limit';
      readonly rate: number;
      readonly per: 'second' | 'minute' | 'hour' | 'day';
      readonly burst: number;
      /** Matches what is over the limit instead. */
      readonly over?: true;
    }
  /** Matches a packet whose connection makes more than this many that have come to the rule and are still open. */
  | { readonly kind: 'ct count'; readonly over: number }
  /** In chains of type nat: `dnat` in prerouting and output, `snat` in postrouting; the family is the address's. */
  | { readonly kind: 'dnat' | 'snat'; readonly to: string }
  /** `prefix` is text from outside: it is cut to the 127 bytes that the kernel takes, and quoted. Level is info. */
  | { readonly kind: 'log'; readonly prefix: string }
  | { readonly kind: 'notrack' }
  /** `meta mark set meta mark & and | or`: bits outside are kept. */
  | { readonly kind: 'mark'; readonly and: number; readonly or: number }
  /** ICMP or ICMPv6 port unreachable, or a TCP reset. Not possible below postrouting (EOPNOTSUPP for the whole transaction). */
  | { readonly kind: 'reject'; readonly tcpReset?: true }
  | Verdict;

export interface Rule {
  readonly statements: readonly Statement[];
  /** Any text; cut to the 128 bytes that nft takes, unprintable characters and quotes replaced. */
  readonly comment?: string;
  readonly origin?: Origin;
}

export interface BaseChain {
  readonly type: 'filter' | 'nat' | 'route';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  readonly priority: number;
}

/** A chain; with `base` it hangs on a hook, and its policy is accept. The comment is not read back and can't be changed later. */
export interface Chain {
  readonly name: string;
  readonly base?: BaseChain;
  readonly comment?: string;
  readonly rules: readonly Rule[];
}

export type DataType = 'ipv4_addr' | 'ipv6_addr' | 'ifname' | 'inet_proto' | 'inet_service' | 'mark';

/** Canonical elements of a set that somebody else holds, as they are at one moment. Without intervals. */
export interface Elements extends Iterable<Value> {
  readonly length: number;
  /** They come in nft's order. */
  readonly inOrder: boolean;
  has(value: Value): boolean;
  /** What is different from an earlier moment of the same elements; undefined if it is none. */
  changesSince(earlier: Elements): ElementChanges | undefined;
}

export interface ElementChanges {
  readonly added: readonly Value[];
  readonly removed: readonly Value[];
}

export interface NamedSet {
  readonly name: string;
  readonly type: readonly DataType[];
  /** For elements that are prefixes or ranges. They must not overlap (nft refuses the transaction). */
  readonly interval?: boolean;
  readonly comment?: string;
  readonly elements: readonly Value[] | Elements;
  readonly origin?: Origin;
}

export interface VerdictMap {
  readonly name: string;
  readonly type: readonly DataType[];
  readonly comment?: string;
  readonly elements: readonly (readonly [Value, Verdict])[];
}

/**
 * A whole table of family `inet`. Names are at most 64 of `[A-Za-z0-9_.-]`, begin with a letter or `_`, are no words of nft's
 * own syntax, and are unique among chains, and among sets and maps together.
 */
export interface Table {
  readonly name: string;
  readonly chains: readonly Chain[];
  readonly sets: readonly NamedSet[];
  readonly maps: readonly VerdictMap[];
}
