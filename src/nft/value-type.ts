import type { DataType, Expression, PayloadField } from './objects.js';

/** What kind of values an expression has: the data types of sets, and those that only expressions have. */
export type ValueType =
  | DataType
  | 'nf_proto'
  | 'iface_index'
  | 'icmp_type'
  | 'icmp_code'
  | 'hoplimit'
  | 'ct_state'
  | 'ct_status';

/** The largest value of the types that are numbers. */
export const LARGEST: { readonly [type in ValueType]?: number } = {
  inet_proto: 0xff,
  inet_service: 0xffff,
  mark: 0xffffffff,
  icmp_type: 0xff,
  icmp_code: 0xff,
  hoplimit: 0xff,
  // "No interface", the input of what the host itself sends. nft lists other numbers as names, and they change at will.
  iface_index: 0,
};

/** The words of the types that have words, and the kernel's numbers for them. */
export const WORDS: { readonly [type in ValueType]?: ReadonlyMap<string, number> } = {
  nf_proto: new Map([
    ['ipv4', 2],
    ['ipv6', 10],
  ]),
  ct_state: new Map([
    ['invalid', 1],
    ['established', 2],
    ['related', 4],
    ['new', 8],
    ['untracked', 64],
  ]),
  ct_status: new Map([
    ['expected', 1],
    ['seen-reply', 2],
    ['assured', 4],
    ['confirmed', 8],
    ['snat', 16],
    ['dnat', 32],
    ['dying', 512],
  ]),
};

/** Bits of an address, or undefined if values of the type are no addresses. */
export function addressBits(type: ValueType): 32 | 128 | undefined {
  if (type === 'ipv4_addr') return 32;
  return type === 'ipv6_addr' ? 128 : undefined;
}

/** The types of an expression: one for each part of a concatenation. */
export function typesOf(expression: Expression): readonly ValueType[] {
  switch (expression.kind) {
    case 'meta':
      return META_TYPES[expression.key];
    case 'ct':
      return expression.key === 'state' ? ['ct_state'] : ['ct_status'];
    case 'payload':
      return [payloadType(expression)];
    case 'masked':
      return typesOf(expression.expression);
    case 'concat':
      return expression.parts.flatMap(typesOf);
  }
}

const META_TYPES = {
  nfproto: ['nf_proto'],
  l4proto: ['inet_proto'],
  mark: ['mark'],
  iif: ['iface_index'],
  iifname: ['ifname'],
  oifname: ['ifname'],
} as const;

function payloadType(payload: PayloadField): ValueType {
  switch (payload.protocol) {
    case 'ip':
      return 'ipv4_addr';
    case 'ip6':
      return payload.field === 'hoplimit' ? 'hoplimit' : 'ipv6_addr';
    case 'th':
      return 'inet_service';
    default:
      return payload.field === 'type' ? 'icmp_type' : 'icmp_code';
  }
}
