import ipaddr from 'ipaddr.js';
import type { Family } from '../policy/host-policy.js';

/** An address ready for look-ups. */
export interface Address {
  readonly family: Family;
  /** Canonical, as in the members of sets. */
  readonly text: string;
  readonly value: bigint;
}

/** @throws RangeError for what is no address of the family. */
export function readAddress(text: string, family: Family): Address {
  const parser = family === 4 ? ipaddr.IPv4 : ipaddr.IPv6;
  // ipaddr.js also takes 1 for 0.0.0.1, 010 for 8, and zones.
  const strict = family === 4 ? /^(0|[1-9]\d*)(\.(0|[1-9]\d*)){3}$/ : /^[^%]*$/;
  if (!strict.test(text) || !parser.isValid(text)) {
    throw new RangeError(`${JSON.stringify(text)} is no IPv${family} address`);
  }
  const parsed = parser.parse(text);
  return { family, text: parsed.toString(), value: numberOf(parsed.toByteArray()) };
}

function numberOf(octets: readonly number[]): bigint {
  return octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}
