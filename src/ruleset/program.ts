import { accept, anyOf, ct, goto, jump, match, ret } from '../nft/expressions.js';
import type { Rule as NftRule, Origin, Statement } from '../nft/objects.js';
import type { HostPolicy, PolicyRules, ProfileRules, Rule, TierPolicies } from '../policy/host-policy.js';
import { type ChainPool, NAME_DIGITS } from './chain-pool.js';
import { compiledList, type ListOutput } from './compiled-list.js';
import { digestOf } from './digest.js';
import type { FailsafeRules } from './failsafe.js';
import { logPrefixOf } from './log-prefix.js';
import { rememberedRules } from './remembered-rules.js';
import { renderRule } from './rule.js';
import type { SetNames } from './sets.js';
import type { Verdicts } from './verdicts.js';

export type Direction = 'ingress' | 'egress';

/** What the chains of one table are made with. */
export interface Rendering extends ListOutput {
  readonly policy: HostPolicy;
  readonly sets: SetNames;
  /** The rules of tiers by what they depend on besides: endpoints with other profiles share them. */
  readonly tierRules: Map<TierPolicies, Map<string, readonly NftRule[]>>;
  /** Chains of workloads by their tiers, which endpoints with the same policies share, and then by the rest. */
  readonly workloadChains: Map<readonly TierPolicies[], Map<string, string>>;
}

/** A stage for one endpoint and direction. */
export interface Stage {
  /** Starts the names of its chains. */
  readonly name: string;
  /** The endpoint that it is rendered for, the first of those that share it: no other one has a stage of the name for it. */
  readonly endpoint: string;
  readonly direction: Direction;
  readonly verdicts: Verdicts;
  /** Rules before policy: connection tracking, what may never or must always pass. */
  readonly prologue: readonly NftRule[];
  /** They come before all policies, and are compiled together with those of the first tier. */
  readonly failsafe?: FailsafeRules | undefined;
  readonly tiers: readonly TierPolicies[];
  /** Profiles and a final deny; undefined for the classes without them, which leave a packet undecided. */
  readonly profiles?: readonly string[] | undefined;
}

/**
 * The chain of a stage, to be entered by goto: the rules of all its policies in order, each with its verdict. Deny drops, Allow
 * ends the base chain, Pass goes to the chain of the next tier, and after the last rule of a tier comes its default action.
 */
export function renderStage(stage: Stage, rendering: Rendering): string {
  const rules = runsOf(stage, rendering).flatMap((run, index, runs) =>
    index === runs.length - 1 ? run.inline() : jumpTo(run, stage, rendering),
  );
  const hasTier = stage.tiers.some((tier) => tier[stage.direction].length > 0);
  const failsafe = hasTier ? [] : (stage.failsafe ?? []).flat();
  return rendering.pool.add(stage.name, commentOf(stage), [...stage.prologue, ...failsafe, ...rules]);
}

/**
 * Tiers and profiles whose chains lead to one another. The kernel refuses a table with more than 15 chains in a row behind a base
 * chain ("Too many links"), and counts goto like jump; up to six are before these and behind a rule.
 */
const LONGEST_RUN = 8;

/** The tiers and profiles in their order, in runs: Pass from the last of a run returns to where the next run follows. */
function runsOf(stage: Stage, rendering: Rendering): readonly Continuation[] {
  const tiers = stage.tiers.filter((tier) => tier[stage.direction].length > 0);
  const steps = [
    ...tiers.map(
      (tier, index) => (next: Continuation) =>
        tierBefore(next, tier, index === 0 ? (stage.failsafe ?? []) : [], stage, rendering),
    ),
    ...(stage.profiles ?? []).map((name) => (next: Continuation) => profileBefore(next, name, stage, rendering)),
  ];
  const end = stage.profiles === undefined ? undecided : endOfProfiles(stage, rendering);
  const runs = Array.from({ length: Math.max(1, Math.ceil(steps.length / LONGEST_RUN)) }, (_, index) =>
    steps.slice(index * LONGEST_RUN, (index + 1) * LONGEST_RUN),
  );
  return runs.map((run, index) => {
    const after = index === runs.length - 1 ? end : undecided;
    return run.toReversed().reduce((next, step) => step(next), after);
  });
}

function jumpTo(run: Continuation, stage: Stage, rendering: Rendering): readonly NftRule[] {
  const rules = run.inline();
  if (rules.length === 0) return [];
  const comment = 'some of many tiers and profiles';
  return [{ statements: [jump(rendering.pool.add(stage.name, comment, rules))], comment }];
}

/** What comes after a tier: its rules, to follow in the same chain, or a verdict that leads to them. */
interface Continuation {
  inline(): readonly NftRule[];
  verdict(): Statement;
}

/** Falls off the end, as Pass does: entered by goto, so return leaves the base chain, or the run that was jumped to. */
const undecided: Continuation = { inline: () => [], verdict: () => ret };

/**
 * Makes a chain of the rules as soon as something other than falling through leads there. They are rendered when something first
 * does, so that what can't be reached leaves no chains and sets behind.
 */
function continuation(render: () => readonly NftRule[], name: string, comment: string, pool: ChainPool): Continuation {
  let rendered: readonly NftRule[] | undefined;
  let chain: string | undefined;
  const rules = () => {
    rendered ??= render();
    return rendered;
  };
  const enter = () => {
    chain ??= pool.add(name, comment, rules());
    return goto(chain);
  };
  return {
    inline: () => (chain === undefined ? rules() : [{ statements: [goto(chain)], comment: `on to ${comment}` }]),
    verdict: () => (rules().length === 0 ? ret : enter()),
  };
}

function tierBefore(
  next: Continuation,
  tier: TierPolicies,
  failsafe: FailsafeRules,
  stage: Stage,
  rendering: Rendering,
): Continuation {
  const render = () => {
    const rules = tierRules(tier, failsafe, next, stage, rendering);
    const end: readonly NftRule[] =
      tier.defaultAction === 'Pass'
        ? next.inline()
        : [{ statements: stage.verdicts.deny, comment: `end of tier ${tier.name}: deny` }];
    return [...rules, ...end];
  };
  return continuation(render, stage.name, `tier ${tier.name}`, rendering.pool);
}

function tierRules(
  tier: TierPolicies,
  failsafe: FailsafeRules,
  next: Continuation,
  stage: Stage,
  rendering: Rendering,
): readonly NftRule[] {
  const known = rendering.tierRules.get(tier) ?? new Map<string, readonly NftRule[]>();
  rendering.tierRules.set(tier, known);
  const key = failsafe.length > 0 ? `${keyOf(stage)} failsafe` : keyOf(stage);
  const shared = known.get(key);
  if (shared) return shared;
  const ids = tier[stage.direction];
  const parts = [
    ...failsafe.map((rules) => ({ id: 'failsafe ports', rules })),
    ...ids.map((id) => ({ id, rules: policyRules(id, next, stage, rendering) })),
  ];
  const name = digestOf([stage.name, key, tier.name, stage.endpoint]).slice(0, NAME_DIGITS);
  const rules = compiledList(
    { name, title: `tier ${tier.name}, ${stage.name} of ${stage.endpoint}`, parts },
    rendering,
  );
  const passes = (id: string) => rendering.policy.policies.get(id)?.[stage.direction].some(isPass) ?? false;
  // Pass leads to what comes next, which other endpoints with the tier may not have.
  if (!ids.some(passes)) known.set(key, rules);
  return rules;
}

function isPass({ action }: Rule): boolean {
  return action === 'Pass';
}

function policyRules(id: string, next: Continuation, stage: Stage, rendering: Rendering): readonly NftRule[] {
  const policy = rendering.policy.policies.get(id);
  // The calculation gives every policy that it names; a missing one would open what it denies.
  if (!policy) return [{ statements: stage.verdicts.deny, comment: `policy ${id} is missing: deny` }];
  return renderRules(policy[stage.direction], policy, next, stage, rendering);
}

function endOfProfiles(stage: Stage, rendering: Rendering): Continuation {
  const deny: NftRule = { statements: stage.verdicts.deny, comment: 'no profile allows it: deny' };
  return continuation(() => [deny], stage.name, 'end of profiles', rendering.pool);
}

function profileBefore(next: Continuation, name: string, stage: Stage, rendering: Rendering): Continuation {
  const render = () => profileRules(name, next, stage, rendering);
  return continuation(render, stage.name, `profile ${name}`, rendering.pool);
}

function profileRules(name: string, next: Continuation, stage: Stage, rendering: Rendering): readonly NftRule[] {
  const profile = rendering.policy.profiles.get(name);
  if (!profile) return [{ statements: stage.verdicts.deny, comment: `profile ${name} does not exist: deny` }];
  return [...renderRules(profile[stage.direction], profile, next, stage, rendering), ...next.inline()];
}

function renderRules(
  rules: readonly Rule[],
  owner: PolicyRules | ProfileRules,
  next: Continuation,
  stage: Stage,
  rendering: Rendering,
): readonly NftRule[] {
  const render = (sets: SetNames) => renderAnew(rules, owner, next, stage, { ...rendering, sets });
  // Pass and Log depend on what is around the rules: the next tier, parameters, chains of their own.
  if (rules.some(({ action }) => action === 'Pass' || action === 'Log')) return render(rendering.sets);
  return rememberedRules(owner, keyOf(stage), rendering.sets, render);
}

const keys = new WeakMap<Stage, string>();

/** What the rules of a policy without Pass and Log depend on. */
function keyOf(stage: Stage): string {
  const known = keys.get(stage);
  if (known !== undefined) return known;
  const key = JSON.stringify([stage.direction, stage.verdicts]);
  keys.set(stage, key);
  return key;
}

function renderAnew(
  rules: readonly Rule[],
  owner: PolicyRules | ProfileRules,
  next: Continuation,
  stage: Stage,
  rendering: Rendering,
): readonly NftRule[] {
  const origin = originOf(owner);
  return rules.flatMap((rule, index) =>
    renderRule(rule, {
      parameters: rendering.policy.parameters,
      pool: rendering.pool,
      sets: rendering.sets,
      verdicts: stage.verdicts,
      pass: () => [next.verdict()],
      logPrefix: logPrefixOf(rendering.policy.parameters.logPrefix, owner),
      comment: ruleComment(origin, stage.direction, index, rule),
      origin,
    }),
  );
}

function originOf(owner: PolicyRules | ProfileRules): Origin {
  if (!('kind' in owner)) return { kind: 'Profile', name: owner.name };
  const { kind, namespace, name } = owner;
  return namespace === undefined ? { kind, name } : { kind, namespace, name };
}

/** Longest part of a name in a comment: of the 128 bytes some must be left for direction, index and annotations. */
const NAME_LENGTH = 80;

function ruleComment(origin: Origin, direction: Direction, index: number, rule: Rule): string {
  const path = origin.namespace === undefined ? origin.name : `${origin.namespace}/${origin.name}`;
  const name = path.length > NAME_LENGTH ? `${path.slice(0, NAME_LENGTH - 3)}...` : path;
  const annotations = Object.entries(rule.annotations ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ` ${key}=${value}`);
  return `${origin.kind} ${name} ${direction}[${index}]${annotations.join('')}`;
}

function commentOf(stage: Stage): string {
  const tiers = stage.tiers
    .filter((tier) => tier[stage.direction].length > 0)
    .map((tier) => `${tier.name}: ${tier[stage.direction].join(' ')}`);
  const profiles = stage.profiles ? [`profiles: ${stage.profiles.join(' ') || 'none'}`] : [];
  return [...tiers, ...profiles].join('; ');
}

/** Open connections are not judged again. */
export const OPEN_CONNECTIONS: NftRule = {
  statements: [match(ct.state, anyOf(['established', 'related'])), accept],
  comment: 'open connections',
};

/**
 * Packets that connection tracking can make nothing of. A rule of its own instead of a verdict map of all states: a look-up costs
 * more than both rules, and an anonymous map for each chain would make loading many of them quadratic in the kernel.
 */
export function invalidRules(disableInvalidCheck: boolean, deny: readonly Statement[]): NftRule[] {
  if (disableInvalidCheck) return [];
  return [{ statements: [match(ct.state, 'invalid'), ...deny], comment: 'invalid packets' }];
}
