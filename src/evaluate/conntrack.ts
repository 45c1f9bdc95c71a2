import type { Ruling } from './run-tiers.js';
import type { Circumstance, Decider } from './verdict.js';
import type { Walk } from './walk.js';

/** An open connection goes on whatever policy says now; a packet that belongs to none and opens none is refused. */
export function byConntrack({ state, host }: Walk, of: (rule: Circumstance) => Decider): Ruling {
  if (state === 'established' || state === 'related') return { result: 'allow', by: of(state) };
  const refused = state === 'invalid' && !host.policy.parameters.disableConntrackInvalidCheck;
  return refused ? { result: 'deny', by: of('invalid') } : undefined;
}
