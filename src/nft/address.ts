import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { NftError } from './driver.js';

/** Addresses as numbers. ipaddr.js alone takes `010.1` and the like, so node's parser, which is strict, decides first. */

/** The address as a number. Throws NftError `invalid` for anything but a plain address of that many bits. */
export function parseAddress(text: string, bits: 32 | 128): bigint {
  if (bits === 32) return BigInt(parseIPv4(text));
  return parseIPv6(text).parts.reduce((number, part) => (number << 16n) | BigInt(part), 0n);
}

/** The one text for the number: dotted, or RFC 5952. */
export function formatAddress(address: bigint, bits: 32 | 128): string {
  const width = bits === 32 ? 8 : 16;
  const parts = Array.from({ length: bits / width }, (_, index) =>
    Number((address >> BigInt(bits - width * (index + 1))) & ((1n << BigInt(width)) - 1n)),
  );
  return bits === 32 ? parts.join('.') : new ipaddr.IPv6(parts).toRFC5952String();
}

/** The one text for this address; fast, since sets may have a million of them. */
export function canonicalAddress(text: string, bits: 32 | 128): string {
  if (bits === 32) {
    parseIPv4(text);
    return text;
  }
  return parseIPv6(text).toRFC5952String();
}

/** Orders addresses of one family like their numbers. */
export function addressSortKey(text: string, bits: 32 | 128): number | string {
  if (bits === 32) return parseIPv4(text);
  return parseIPv6(text)
    .parts.map((part) => part.toString(16).padStart(4, '0'))
    .join('');
}

function parseIPv4(text: string): number {
  if (!isIPv4(text)) throw new NftError('invalid', `${JSON.stringify(text)} is not an IPv4 address`);
  return text.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}

function parseIPv6(text: string): ipaddr.IPv6 {
  if (!isIPv6(text) || text.includes('%'))
    throw new NftError('invalid', `${JSON.stringify(text)} is not an IPv6 address`);
  return ipaddr.IPv6.parse(text.replace(/[\d.]+\.\d+$/, hexGroups));
}

/** The last 32 bits as groups: ipaddr.js takes `::1.2.3.4` for `::ffff:1.2.3.4`, and nft lists addresses in this form. */
function hexGroups(dotted: string): string {
  const number = parseIPv4(dotted);
  return `${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`;
}
