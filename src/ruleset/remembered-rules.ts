import type { Expression, Rule as NftRule } from '../nft/objects.js';
import type { Family, PolicyRules, ProfileRules } from '../policy/host-policy.js';
import type { SetNames } from './sets.js';

/** What was asked about a set, and the answer; equal answers are one object. */
type Call =
  | { readonly id: string; readonly family: Family; readonly address: Expression; readonly lookups: unknown }
  | { readonly id: string; readonly family: Family; readonly port: string };

interface Remembered {
  readonly rules: readonly NftRule[];
  readonly calls: readonly Call[];
}

const remembered = new WeakMap<PolicyRules | ProfileRules, Map<string, Remembered>>();

/**
 * The rendered rules of a policy or profile, as before if its sets still have the same prefix lengths: most policies are not
 * concerned by a change. `key` stands for all that `render` depends on besides the owner and `sets`.
 */
export function rememberedRules(
  owner: PolicyRules | ProfileRules,
  key: string,
  sets: SetNames,
  render: (sets: SetNames) => readonly NftRule[],
): readonly NftRule[] {
  const known = remembered.get(owner) ?? new Map<string, Remembered>();
  remembered.set(owner, known);
  const before = known.get(key);
  if (before?.calls.every((call) => isSame(call, sets))) return before.rules;
  const calls: Call[] = [];
  const rules = render(recording(sets, calls));
  // A copy has no room for more.
  known.set(key, { rules, calls: calls.slice() });
  return rules;
}

/** Asking again is also what makes the set a part of the table. */
function isSame(call: Call, sets: SetNames): boolean {
  return 'port' in call
    ? sets.ports(call.id, call.family) === call.port
    : sets.lookups(call.id, call.family, call.address) === call.lookups;
}

function recording(sets: SetNames, calls: Call[]): SetNames {
  return {
    lookups(id, family, address) {
      const lookups = sets.lookups(id, family, address);
      calls.push({ id, family, address, lookups });
      return lookups;
    },
    ports(id, family) {
      const port = sets.ports(id, family);
      calls.push({ id, family, port });
      return port;
    },
    get used() {
      return sets.used;
    },
    again: (now) => sets.again(now),
  };
}
