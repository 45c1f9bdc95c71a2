import type { Family } from '../policy/host-policy.js';
import { type Address, readAddress } from './address.js';

/** CIDRs, made ready for look-ups. */
export interface NetTable {
  has(address: Address): boolean;
  /** Whether it has CIDRs of the family. */
  hasFamily(family: Family): boolean;
}

interface OneLength {
  readonly shift: bigint;
  readonly networks: Set<bigint>;
}

/** One hash set for each length of prefix. CIDRs are canonical; a bare address is that address alone. */
export function netTable(cidrs: Iterable<string>): NetTable {
  const lengths: Readonly<Record<Family, Map<number, OneLength>>> = { 4: new Map(), 6: new Map() };
  for (const cidr of cidrs) {
    const [text = '', lengthText] = cidr.split('/');
    const family = text.includes(':') ? 6 : 4;
    const bits = family === 4 ? 32 : 128;
    const length = lengthText === undefined ? bits : Number(lengthText);
    const shift = BigInt(bits - length);
    const same = lengths[family].get(length) ?? { shift, networks: new Set() };
    same.networks.add(readAddress(text, family).value >> shift);
    lengths[family].set(length, same);
  }
  return {
    has({ family, value }) {
      for (const { shift, networks } of lengths[family].values()) if (networks.has(value >> shift)) return true;
      return false;
    },
    hasFamily: (family) => lengths[family].size > 0,
  };
}
