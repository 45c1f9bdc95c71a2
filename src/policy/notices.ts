import type { WorkloadEndpoint } from '../resources/kinds.js';
import type { Issue, ObjectKey } from '../resources/resource.js';
import type { HostPolicy } from './host-policy.js';
import type { LocalEndpoints } from './local-endpoints.js';
import { isWorkloadInterface } from './resolve-interfaces.js';

/** Something valid that has no, or not all, of its effect on this host: what an operator would only learn from an incident. */
export interface Notice {
  readonly key: ObjectKey;
  readonly issue: Issue;
}

/** `workloads` are all of this node, `local` holds those that the configuration admits. */
export function noticesOf(
  local: LocalEndpoints,
  workloads: ReadonlyMap<string, WorkloadEndpoint>,
  policy: HostPolicy,
): Notice[] {
  return [
    ...unknownNode(local, workloads, policy),
    ...parameterNotices(policy),
    ...untrackedOnWildcard(local),
    ...missingProfiles(policy),
    ...inactiveHostEndpoints(local, policy),
    ...workloadNotices(local, workloads, policy),
  ];
}

/** A misspelt node name would enforce nothing, and nobody would know. */
function unknownNode(
  { hostEndpoints }: LocalEndpoints,
  workloads: ReadonlyMap<string, WorkloadEndpoint>,
  { node }: HostPolicy,
): Notice[] {
  if (hostEndpoints.size > 0 || workloads.size > 0) return [];
  const message = `no endpoint in the datastore is of node ${node}: nothing is enforced but that unknown workload interfaces are closed`;
  return [{ key: { kind: 'Node', name: node }, issue: { path: '', code: 'no-endpoint', message } }];
}

/** Parameters that do what they say, and hardly what anybody wants. */
function parameterNotices({ parameters, hostEndpoints }: HostPolicy): Notice[] {
  const { ipv6Support, filterAllowAction, defaultEndpointToHostAction } = parameters;
  const notice = (path: string, code: string, message: string): Notice => ({
    key: { kind: 'FelixConfiguration', name: 'default' },
    issue: { path, code, message },
  });
  const unpoliced = !ipv6Support && hostEndpoints.length > 0;
  const unanswered = filterAllowAction === 'RETURN' && defaultEndpointToHostAction === 'Drop';
  return [
    ...(unpoliced ? [notice('spec.ipv6Support', 'ipv6-open', 'is false: host endpoints do not restrict IPv6')] : []),
    ...(unanswered
      ? [
          notice(
            'spec.nftablesFilterAllowAction',
            'no-answers-to-host',
            'is Return while defaultEndpointToHostAction is Drop: the host gets no answers from its workloads',
          ),
        ]
      : []),
  ];
}

function untrackedOnWildcard(local: LocalEndpoints): Notice[] {
  return [...local.hostEndpoints]
    .filter(([, endpoint]) => endpoint.spec.interfaceName === '*')
    .flatMap(([id, endpoint]) =>
      local.policies
        .policiesOf(id)
        .filter(({ policy }) => policy.kind === 'GlobalNetworkPolicy' && policy.spec.doNotTrack)
        .map(({ policy }) => ({
          key: { kind: policy.kind, name: policy.metadata.name },
          issue: {
            path: 'spec.doNotTrack',
            code: 'untracked-on-wildcard',
            message: `does nothing on HostEndpoint ${endpoint.metadata.name}: endpoints with interfaceName * do not support untracked policy`,
          },
        })),
    );
}

function missingProfiles(policy: HostPolicy): Notice[] {
  const missing = (names: readonly string[]) => names.filter((name) => !policy.profiles.has(name));
  const issue = (name: string): Issue => ({
    path: 'spec.profiles',
    code: 'missing-profile',
    message: `profile ${name} does not exist: where the endpoint's policies leave it to profiles, everything is denied`,
  });
  return [
    ...policy.hostEndpoints.flatMap(({ name, profiles }) =>
      missing(profiles).map((profile) => ({ key: { kind: 'HostEndpoint', name }, issue: issue(profile) })),
    ),
    ...policy.workloadEndpoints.flatMap(({ namespace, name, profiles }) =>
      missing(profiles).map((profile) => ({
        key: { kind: 'WorkloadEndpoint', namespace, name },
        issue: issue(profile),
      })),
    ),
  ];
}

/** A host endpoint that governs nothing protects nothing. */
function inactiveHostEndpoints(local: LocalEndpoints, { hostEndpoints }: HostPolicy): Notice[] {
  const inactive = hostEndpoints.filter(({ interfaces }) => interfaces.length === 0);
  return inactive.flatMap(({ name }) => {
    const endpoint = [...local.hostEndpoints.values()].find(({ metadata }) => metadata.name === name);
    const stated = endpoint?.spec.interfaceName;
    const winner = stated && hostEndpoints.find(({ interfaces }) => interfaces.includes(stated));
    const why = winner
      ? `HostEndpoint ${winner.name} governs ${stated}, its name is smaller`
      : stated
        ? `${stated} is a workload interface or excluded (interfacePrefix, interfaceExclude)`
        : 'no interface that is free has one of its expectedIPs';
    const issue = { path: 'spec', code: 'inactive', message: `is in force nowhere on this node: ${why}` };
    return [{ key: { kind: 'HostEndpoint', name }, issue }];
  });
}

function workloadNotices(
  local: LocalEndpoints,
  workloads: ReadonlyMap<string, WorkloadEndpoint>,
  policy: HostPolicy,
): Notice[] {
  const winners = new Map(policy.workloadEndpoints.map((endpoint) => [endpoint.interface, endpoint]));
  return [...workloads].flatMap(([id, { metadata, spec }]) => {
    const key = { kind: 'WorkloadEndpoint', namespace: metadata.namespace, name: metadata.name };
    if (!local.workloadEndpoints.has(id)) {
      const message =
        'is left out, and its interface closed: allowSpoofedSourcePrefixes needs workloadSourceSpoofing: Any';
      return [{ key, issue: { path: 'spec.allowSpoofedSourcePrefixes', code: 'spoofing-disabled', message } }];
    }
    const winner = winners.get(spec.interfaceName);
    if (winner && (winner.name !== metadata.name || winner.namespace !== metadata.namespace)) {
      const message = `waits until ${winner.namespace}/${winner.name} goes, which has the same interface ${spec.interfaceName}`;
      return [{ key, issue: { path: 'spec.interfaceName', code: 'inactive', message } }];
    }
    if (isWorkloadInterface(spec.interfaceName, local.parameters)) return [];
    const prefixes = local.parameters.interfacePrefix.join(', ');
    const message = `is not enforced: ${spec.interfaceName} has no prefix of workload interfaces (interfacePrefix: ${prefixes})`;
    return [{ key, issue: { path: 'spec.interfaceName', code: 'no-workload-interface', message } }];
  });
}
