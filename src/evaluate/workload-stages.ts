import type { WorkloadEndpointPolicy } from '../policy/host-policy.js';
import { readAddress } from './address.js';
import { byConntrack } from './conntrack.js';
import { type Header, ICMP, IPIP, UDP } from './header.js';
import { netTable } from './net-table.js';
import { type Ruling, runProfiles, runTiers } from './run-tiers.js';
import type { Circumstance, Decider, Direction, EndpointName, StageName, StageResult, Step } from './verdict.js';
import { isWorkloadInterface, type Walk } from './walk.js';

const LINK_LOCAL = netTable(['fe80::/10', '::/128']);
const EVERYONE = netTable(['255.255.255.255/32', '224.0.0.0/4']);
const NO_ADDRESS = readAddress('0.0.0.0', 4);

/** A workload sends from its own addresses; besides, from those that it has before it has any, to the link. */
export function antiSpoofing(walk: Walk): StageResult | undefined {
  const endpoint = walk.host.workloads.get(walk.inInterface);
  if (!endpoint || mayHaveSent(walk, endpoint)) return undefined;
  const by = ofEndpoint(endpoint, 'egress', 'not a source of this workload');
  return { ...stageOf('anti-spoofing', 'egress'), endpoint: nameOf(endpoint), result: 'deny', by };
}

function mayHaveSent({ before, host }: Walk, { addresses, allowedSources }: WorkloadEndpointPolicy): boolean {
  const { source, destination } = before;
  if (host.lookups.inNets(addresses, source) || host.lookups.inNets(allowedSources, source)) return true;
  if (source.family === 6) return LINK_LOCAL.has(source);
  return source.value === NO_ADDRESS.value && EVERYONE.has(destination);
}

/** From a workload to a process of the host: first the workload's egress. Neither host endpoints nor failsafe ports count. */
export function workloadToHost(walk: Walk): StageResult | undefined {
  if (!isWorkloadInterface(walk.host, walk.inInterface)) return undefined;
  if (!isLinkUpkeep(walk.after)) return workloadStage(walk, 'workload to host', walk.inInterface, 'egress');
  const by = {
    kind: 'Interface',
    name: walk.inInterface,
    direction: 'egress',
    rule: 'neighbour discovery',
  } as const;
  return { ...stageOf('workload to host', 'egress'), result: 'allow', by };
}

/** Then DefaultEndpointToHostAction. With FilterAllowAction RETURN it meets replies too, as in Calico. */
export function endpointToHost(walk: Walk): StageResult | undefined {
  if (!isWorkloadInterface(walk.host, walk.inInterface) || isLinkUpkeep(walk.after)) return undefined;
  const { defaultEndpointToHostAction: action, filterAllowAction } = walk.host.policy.parameters;
  const stage = stageOf('endpoint to host', 'ingress');
  if (filterAllowAction === 'ACCEPT' && (walk.state === 'established' || walk.state === 'related')) return undefined;
  const by = {
    kind: 'FelixConfiguration',
    name: 'defaultEndpointToHostAction',
    direction: 'ingress',
    rule: action,
  } as const;
  return { ...stage, result: RESULTS[action], by };
}

const RESULTS = { Drop: 'deny', Accept: 'allow', Return: 'none' } as const;

const UPKEEP: ReadonlySet<number | undefined> = new Set([130, 131, 132, 133, 135, 136]);

/** Neighbour discovery and listener messages that a workload may send to the host, whatever its policy says. */
function isLinkUpkeep({ family, protocol, icmpType }: Header): boolean {
  return family === 6 && protocol === ICMP[6] && UPKEEP.has(icmpType);
}

export function workloadEgress(walk: Walk): StageResult | undefined {
  if (!isWorkloadInterface(walk.host, walk.inInterface)) return undefined;
  return workloadStage(walk, 'workload egress', walk.inInterface, 'egress');
}

export function workloadIngress(walk: Walk): StageResult | undefined {
  if (!isWorkloadInterface(walk.host, walk.outInterface)) return undefined;
  return workloadStage(walk, 'workload ingress', walk.outInterface, 'ingress');
}

/** In this order: conntrack, encapsulation, tiers, profiles. An interface without an endpoint is closed, for replies too. */
function workloadStage(walk: Walk, stage: StageName, name: string, direction: Direction): StageResult {
  const endpoint = walk.host.workloads.get(name);
  if (!endpoint) {
    const by = { kind: 'Interface', name, direction, rule: 'unknown workload interface' } as const;
    return { ...stageOf(stage, direction), result: 'deny', by };
  }
  const steps: Step[] | undefined = walk.withSteps ? [] : undefined;
  const { result, by } = workloadRuling(walk, endpoint, direction, steps);
  return { ...stageOf(stage, direction), endpoint: nameOf(endpoint), result, by, ...(steps ? { steps } : {}) };
}

function workloadRuling(
  walk: Walk,
  endpoint: WorkloadEndpointPolicy,
  direction: Direction,
  steps: Step[] | undefined,
): NonNullable<Ruling> {
  const of = (rule: Circumstance) => ofEndpoint(endpoint, direction, rule);
  const run = { host: walk.host, header: walk.after, direction, steps };
  return (
    byConntrack(walk, of) ??
    (direction === 'egress' && isEncapsulated(walk)
      ? ({ result: 'deny', by: of('encapsulated') } as const)
      : undefined) ??
    runTiers(endpoint.normal, run) ??
    runProfiles(endpoint.profiles, run) ?? { result: 'deny', by: of('end of profiles') }
  );
}

/** In a tunnel a workload could send from any address, so it may not build its own unless the configuration lets it. */
function isEncapsulated({ after, host }: Walk): boolean {
  const { allowVXLANPacketsFromWorkloads, allowIPIPPacketsFromWorkloads, vxlanPort } = host.policy.parameters;
  const vxlan = after.protocol === UDP && after.destinationPort === vxlanPort;
  return (vxlan && !allowVXLANPacketsFromWorkloads) || (after.protocol === IPIP && !allowIPIPPacketsFromWorkloads);
}

function stageOf(stage: StageName, direction: Direction): Pick<StageResult, 'stage' | 'class' | 'direction'> {
  return { stage, class: 'normal', direction };
}

function nameOf({ namespace, name }: WorkloadEndpointPolicy): EndpointName {
  return { kind: 'WorkloadEndpoint', namespace, name };
}

function ofEndpoint(endpoint: WorkloadEndpointPolicy, direction: Direction, rule: Circumstance): Decider {
  return { ...nameOf(endpoint), direction, rule };
}
