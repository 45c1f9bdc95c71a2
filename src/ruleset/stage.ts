import type { BaseChain, Chain, NamedSet, Rule, VerdictMap } from '../nft/objects.js';

/** A base chain, and what its rules look up. */
export interface HookStage {
  readonly chain: Chain;
  readonly maps: readonly VerdictMap[];
  readonly sets?: readonly NamedSet[];
}

/**
 * The hooks, in the order in which a packet meets them. Each stage of the forward and input hooks has a base chain of its own:
 * an accept there leaves the later ones to run. Priorities are such as no common firewall uses, since two base chains with
 * equal hook and priority run in the order of their registration.
 */
export const HOOKS = {
  /** Before connection tracking (-200). */
  'raw-prerouting': { type: 'filter', hook: 'prerouting', priority: -295 },
  'raw-output': { type: 'filter', hook: 'output', priority: -295 },
  /** Between connection tracking and destination NAT (-100). */
  'pre-dnat': { type: 'filter', hook: 'prerouting', priority: -145 },
  /** Chains of type nat: their priority counts among such chains only, and these come before those of kube-proxy (-100, 100). */
  'nat-prerouting': { type: 'nat', hook: 'prerouting', priority: -105 },
  'nat-output': { type: 'nat', hook: 'output', priority: -105 },
  'nat-postrouting': { type: 'nat', hook: 'postrouting', priority: 95 },
  'input-from-workload': { type: 'filter', hook: 'input', priority: -6 },
  'input-host': { type: 'filter', hook: 'input', priority: -5 },
  'forward-host-ingress': { type: 'filter', hook: 'forward', priority: -8 },
  'forward-from-workload': { type: 'filter', hook: 'forward', priority: -7 },
  'forward-to-workload': { type: 'filter', hook: 'forward', priority: -6 },
  'forward-host-egress': { type: 'filter', hook: 'forward', priority: -5 },
  'output-host': { type: 'filter', hook: 'output', priority: -5 },
  /** After destination NAT of the output hook, when the final interface is known. */
  'postrouting-host': { type: 'filter', hook: 'postrouting', priority: -145 },
} as const satisfies Readonly<Record<string, BaseChain>>;

export type HookName = keyof typeof HOOKS;

export function hookStage(
  name: HookName,
  rules: readonly Rule[],
  maps: readonly VerdictMap[] = [],
  sets: readonly NamedSet[] = [],
): HookStage {
  return { chain: { name, base: HOOKS[name], rules }, maps, sets };
}

const latestChains = new Map<string, { readonly text: string; readonly chain: Chain }>();

/** The base chain of the table before if it is the same: what is known of it stays with it. */
export function steadyChain(chain: Chain): Chain {
  const text = JSON.stringify(chain);
  const before = latestChains.get(chain.name);
  if (before?.text === text) return before.chain;
  latestChains.set(chain.name, { text, chain });
  return chain;
}
