import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { NftError } from './driver.js';

/** Addresses as numbers. ipaddr.js alone takes more than the standards, so node's parser, which is strict, decides first. */

/** The address as a number. Throws NftError `invalid` for anything but a plain address of that many bits. */
export function parseAddress(text: string, bits: 32 | 128): bigint {
  if (bits === 32) return BigInt(parseIPv4(text));
  return parseIPv6(text).parts.reduce((number, part) => (number << 16n) | BigInt(part), 0n);
}

/** The one text for the number: dotted, or RFC 5952. */
export function formatAddress(address: bigint, bits: 32 | 128): string {
  if (bits === 32) return formatIPv4(Number(address));
  const parts = Array.from({ length: 8 }, (_, index) => Number((address >> BigInt(112 - 16 * index)) & 0xffffn));
  return new ipaddr.IPv6(parts).toRFC5952String();
}

/** Dotted, as from the number. */
export function formatIPv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
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

/** By hand, since sets may have a million addresses: digits without leading zeros, and three dots. */
function parseIPv4(text: string): number {
  let address = 0;
  let part = -1;
  let dots = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT && part >= 0) {
      address = address * 256 + part;
      part = -1;
      dots++;
    } else if (code >= ZERO && code <= NINE && part !== 0) {
      part = part < 0 ? code - ZERO : part * 10 + code - ZERO;
      if (part > 255) break;
    } else {
      part = -1;
      break;
    }
  }
  if (dots !== 3 || part < 0 || part > 255)
    throw new NftError('invalid', `${JSON.stringify(text)} is not an IPv4 address`);
  return address * 256 + part;
}

const DOT = 46;
const ZERO = 48;
const NINE = 57;

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
