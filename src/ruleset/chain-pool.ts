import { createHash } from 'node:crypto';
import type { Chain, Rule } from '../nft/objects.js';

/**
 * Chains named after their content: equal ones are one, so endpoints with the same policies share theirs, and a chain never
 * changes, it is replaced by another one in the transaction that points to the new one.
 */
export interface ChainPool {
  /** The name of the chain with these rules; `prefix` starts it, for people. */
  add(prefix: string, comment: string, rules: readonly Rule[]): string;
  readonly chains: readonly Chain[];
}

export function chainPool(): ChainPool {
  const chains = new Map<string, Chain>();
  return {
    add(prefix, comment, rules) {
      const name = `${prefix}-${contentHash([comment, rules])}`;
      if (!chains.has(name)) chains.set(name, { name, comment, rules });
      return name;
    },
    get chains() {
      return [...chains.values()];
    },
  };
}

/** 12 hexadecimal digits: 2^-24 is the chance that any two of 4000 chains collide. */
export function contentHash(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 12);
}
