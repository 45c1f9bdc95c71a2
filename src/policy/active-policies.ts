import type { Profile, Rule as ResourceRule } from '../resources/kinds.js';
import { policySelector } from './effective-selector.js';
import type { PolicyRules, ProfileRules, Rule } from './host-policy.js';
import type { Labels } from './label-index.js';
import { labelIndex } from './label-index.js';
import type { MemberIndex } from './member-index.js';
import { hasSamePlace, namespaceOf, type Policy, type PolicyFacts, policyFacts, policyId } from './policy-facts.js';
import { resolveRule } from './resolve-rule.js';
import { type SharedTiers, sharedTiers } from './shared-tiers.js';

/**
 * Which policies select which local endpoints. Only the rules of those that select one are resolved, and only their sets and
 * those of profiles in use have members.
 */
export interface ActivePolicies {
  setPolicy(policy: Policy): void;
  removePolicy(id: string): void;
  setEndpoint(id: string, labels: Labels, profiles: readonly string[]): void;
  removeEndpoint(id: string): void;
  setProfile(profile: Profile): void;
  removeProfile(name: string): void;
  /** The policies that select a local endpoint, in no order. */
  policiesOf(endpoint: string): readonly PolicyFacts[];
  /** The same in their tiers. */
  readonly tiersOf: SharedTiers['of'];
  readonly all: ReadonlyMap<string, PolicyFacts>;
  /** Another object after each change. */
  readonly policies: ReadonlyMap<string, PolicyRules>;
  /** Another object after each change. */
  readonly profiles: ReadonlyMap<string, ProfileRules>;
  /** Grows whenever the policies of an endpoint may have become others. */
  readonly selections: number;
}

interface Resolved<T> {
  readonly value: T;
  readonly sets: readonly string[];
}

export function activePolicies(members: MemberIndex): ActivePolicies {
  const facts = new Map<string, PolicyFacts>();
  const selected = new Map<string, number>();
  const active = snapshots<PolicyRules>();
  const activeSets = new Map<string, readonly string[]>();
  const profiles = new Map<string, Profile>();
  const profileUsers = new Map<string, number>();
  const activeProfiles = snapshots<ProfileRules>();
  const profileSets = new Map<string, readonly string[]>();
  const endpointProfiles = new Map<string, readonly string[]>();

  let policyCount = 0;

  const index = labelIndex((id, endpoint, isSelected) => {
    const fact = facts.get(id);
    if (fact) tiers.selected(endpoint, fact, isSelected);
    const endpoints = (selected.get(id) ?? 0) + (isSelected ? 1 : -1);
    selected.set(id, endpoints);
    if (endpoints === 0) deactivate(id);
    else if (isSelected && endpoints === 1) activate(id);
  });

  const tiers = sharedTiers(index.selectorsOf, facts);

  const activate = (id: string): void => {
    const policy = facts.get(id);
    if (!policy) return;
    const { value, sets } = resolvePolicy(policy, members);
    active.set(id, value);
    swap(activeSets, id, sets);
  };

  const deactivate = (id: string): void => {
    active.delete(id);
    selected.delete(id);
    swap(activeSets, id, []);
  };

  /** New sets were retained before the old ones are released, so that one in both keeps its members. */
  const swap = (owners: Map<string, readonly string[]>, id: string, sets: readonly string[]): void => {
    for (const set of owners.get(id) ?? []) members.release(set);
    if (sets.length > 0) owners.set(id, sets);
    else owners.delete(id);
  };

  const refreshProfile = (name: string): void => {
    const profile = profiles.get(name);
    if (!profile || !profileUsers.has(name)) {
      activeProfiles.delete(name);
      swap(profileSets, name, []);
      return;
    }
    const { value, sets } = resolveProfile(profile, members);
    activeProfiles.set(name, value);
    swap(profileSets, name, sets);
  };

  const useProfiles = (endpoint: string, names: readonly string[]): void => {
    const before = endpointProfiles.get(endpoint) ?? [];
    if (names.length > 0) endpointProfiles.set(endpoint, names);
    else endpointProfiles.delete(endpoint);
    for (const name of names) changeUsers(name, 1);
    for (const name of before) changeUsers(name, -1);
  };

  const changeUsers = (name: string, by: 1 | -1): void => {
    const users = (profileUsers.get(name) ?? 0) + by;
    if (users > 0) profileUsers.set(name, users);
    else profileUsers.delete(name);
    if (users === 0 || (users === 1 && by === 1)) refreshProfile(name);
  };

  return {
    setPolicy(policy) {
      const id = policyId(policy.kind, namespaceOf(policy), policy.metadata.name);
      const old = facts.get(id);
      const fact = policyFacts(policy, id, old?.number ?? ++policyCount);
      facts.set(id, fact);
      if (old && !hasSamePlace(old, fact)) tiers.forgetAll();
      index.setSelector(fact.id, policySelector(policy));
      if (selected.has(fact.id)) activate(fact.id);
    },
    removePolicy(id) {
      // While its facts are known, for those who are told.
      index.removeSelector(id);
      facts.delete(id);
    },
    setEndpoint(id, labels, names) {
      index.setItem(id, labels, names);
      useProfiles(id, names);
    },
    removeEndpoint(id) {
      index.removeItem(id);
      tiers.forget(id);
      useProfiles(id, []);
    },
    setProfile(profile) {
      const { name } = profile.metadata;
      profiles.set(name, profile);
      index.setParent(name, profile.spec.labelsToApply ?? {});
      refreshProfile(name);
    },
    removeProfile(name) {
      profiles.delete(name);
      index.setParent(name, undefined);
      refreshProfile(name);
    },
    policiesOf: (endpoint) => [...index.selectorsOf(endpoint)].flatMap((id) => facts.get(id) ?? []),
    tiersOf: tiers.of,
    all: facts,
    get policies() {
      return active.current();
    },
    get profiles() {
      return activeProfiles.current();
    },
    get selections() {
      return tiers.version;
    },
  };
}

/** A map that changes, and what it is at a time: the same object as long as nothing has changed. */
function snapshots<T>() {
  const entries = new Map<string, T>();
  let snapshot: ReadonlyMap<string, T> | undefined;
  return {
    set(id: string, value: T): void {
      entries.set(id, value);
      snapshot = undefined;
    },
    delete(id: string): void {
      if (entries.delete(id)) snapshot = undefined;
    },
    current(): ReadonlyMap<string, T> {
      snapshot ??= new Map(entries);
      return snapshot;
    },
  };
}

function resolvePolicy({ id, policy, tier }: PolicyFacts, members: MemberIndex): Resolved<PolicyRules> {
  const namespace = namespaceOf(policy);
  const sets: string[] = [];
  const resolve = resolver(namespace, members, sets);
  const { ingress = [], egress = [] } = policy.spec;
  const { kind, metadata } = policy;
  return {
    value: {
      id,
      kind,
      namespace,
      name: metadata.name,
      tier,
      ingress: ingress.map(resolve),
      egress: egress.map(resolve),
    },
    sets,
  };
}

function resolveProfile({ metadata, spec }: Profile, members: MemberIndex): Resolved<ProfileRules> {
  const sets: string[] = [];
  const resolve = resolver(undefined, members, sets);
  const { ingress = [], egress = [] } = spec;
  return { value: { name: metadata.name, ingress: ingress.map(resolve), egress: egress.map(resolve) }, sets };
}

function resolver(namespace: string | undefined, members: MemberIndex, sets: string[]): (rule: ResourceRule) => Rule {
  return (resource) => {
    const { rule, sets: needed } = resolveRule(resource, namespace);
    for (const definition of needed) {
      members.retain(definition);
      sets.push(definition.id);
    }
    return rule;
  };
}
