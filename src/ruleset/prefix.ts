import type { Prefix } from '../nft/objects.js';
import type { Family } from '../policy/host-policy.js';

/** A canonical CIDR of the host policy in nft's form. */
export function parsePrefix(cidr: string): Prefix & { family: Family } {
  const slash = cidr.lastIndexOf('/');
  return { address: cidr.slice(0, slash), length: Number(cidr.slice(slash + 1)), family: cidr.includes(':') ? 6 : 4 };
}

export const FULL_LENGTH = { 4: 32, 6: 128 } as const;
