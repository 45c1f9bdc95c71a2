import type { Chain, Rule } from '../nft/objects.js';
import { digestOf } from './digest.js';

/**
 * Chains named after their content: equal ones are one, so endpoints with the same policies share theirs, and a chain never
 * changes, it is replaced by another one in the transaction that points to the new one.
 */
export interface ChainPool {
  /** The name of the chain with these rules; `prefix` starts it, for people. */
  add(prefix: string, comment: string, rules: readonly Rule[]): string;
  /** The same, as an object. */
  addChain(prefix: string, comment: string, rules: readonly Rule[]): Chain;
  /** A chain that another pool made. */
  keep(chain: Chain): void;
  readonly chains: readonly Chain[];
}

/** Digests of chains, and those of the pool before: what is the same again is the same object, for all that is known of it. */
const digests = new WeakMap<Chain, string>();
let latest: ReadonlyMap<string, Chain> = new Map();

export function chainPool(): ChainPool {
  const chains = new Map<string, Chain>();
  const before = latest;
  latest = chains;
  const addChain = (prefix: string, comment: string, rules: readonly Rule[]): Chain => {
    const digest = digestOf([comment, rules]);
    const name = `${prefix}-${digest.slice(0, NAME_DIGITS)}`;
    const present = chains.get(name);
    if (present) return present;
    const earlier = before.get(name);
    const chain = earlier && digests.get(earlier) === digest ? earlier : { name, comment, rules };
    digests.set(chain, digest);
    chains.set(name, chain);
    return chain;
  };
  return {
    add: (prefix, comment, rules) => addChain(prefix, comment, rules).name,
    addChain,
    keep(chain) {
      chains.set(chain.name, chain);
    },
    get chains() {
      return [...chains.values()];
    },
  };
}

/** Of a digest in a name: 2^-24 is the chance that any two of 4000 collide. */
export const NAME_DIGITS = 12;
