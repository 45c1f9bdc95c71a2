import type { HostPolicy } from '../../src/policy/host-policy.js';

/** A host policy as plain data, equal for policies with one meaning: without the order of maps and the versions of sets. */
export function comparable({ policies, profiles, sets, parameters, ...rest }: HostPolicy): unknown {
  const byKey = <V>(map: ReadonlyMap<string, V>, show: (value: V) => unknown = (value) => value) =>
    Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, show(value)]));
  const shown = {
    ...rest,
    parameters,
    policies: byKey(policies),
    profiles: byKey(profiles),
    sets: byKey(sets, ({ kind, description, members }) => ({ kind, description, members: [...members].sort() })),
  };
  return JSON.parse(JSON.stringify(shown));
}
