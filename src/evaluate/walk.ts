import type { FailsafePort, HostEndpointPolicy, HostPolicy, WorkloadEndpointPolicy } from '../policy/host-policy.js';
import { type Header, type Headers, headersOf } from './header.js';
import { type Lookups, lookups } from './lookups.js';
import { type Translate, translator } from './nat.js';
import { type ConnectionState, type Packet, type Path, pathOf } from './packet.js';
import type { Decider } from './verdict.js';

/** A policy with what makes it quick to ask. */
export interface Host {
  readonly policy: HostPolicy;
  readonly lookups: Lookups;
  readonly translate: Translate;
  /** By interface. */
  readonly named: ReadonlyMap<string, HostEndpointPolicy>;
  readonly wildcard: HostEndpointPolicy | undefined;
  readonly workloads: ReadonlyMap<string, WorkloadEndpointPolicy>;
  readonly failsafe: Readonly<Record<'ingress' | 'egress', readonly Failsafe[]>>;
}

/** `net` as a list, for look-ups. */
export interface Failsafe extends FailsafePort {
  readonly nets?: readonly string[] | undefined;
}

/** A packet on its way through the host: what is known of it, and what stages before have decided for those after. */
export interface Walk extends Headers {
  readonly host: Host;
  readonly path: Path;
  readonly inInterface: string;
  readonly outInterface: string;
  /** The one that the host chose before DNAT. */
  readonly firstOutInterface: string;
  readonly withSteps: boolean;
  state: ConnectionState;
  /** Without tracking there is no NAT either. */
  after: Header;
  dnat: boolean;
  /** What allowed it before DNAT or without tracking: the host endpoint's later stages for the same direction are skipped. */
  accepted: Decider | undefined;
}

export function hostOf(policy: HostPolicy): Host {
  const named = new Map<string, HostEndpointPolicy>();
  for (const endpoint of policy.hostEndpoints.filter(({ wildcard }) => !wildcard)) {
    for (const name of endpoint.interfaces) named.set(name, endpoint);
  }
  const { failsafeInboundHostPorts, failsafeOutboundHostPorts } = policy.parameters;
  return {
    policy,
    lookups: lookups(policy.sets),
    translate: translator(policy),
    named,
    wildcard: policy.hostEndpoints.find(({ wildcard, interfaces }) => wildcard && interfaces.includes('*')),
    workloads: new Map(policy.workloadEndpoints.map((endpoint) => [endpoint.interface, endpoint])),
    failsafe: {
      ingress: failsafeInboundHostPorts.map(withNets),
      egress: failsafeOutboundHostPorts.map(withNets),
    },
  };
}

function withNets(entry: FailsafePort): Failsafe {
  return entry.net === undefined ? entry : { ...entry, nets: [entry.net] };
}

/** @throws RangeError for a packet that can't be */
export function startWalk(host: Host, arriving: Packet, withSteps: boolean): Walk {
  const packet = host.translate(arriving);
  const outInterface = packet.outInterface ?? '';
  const { before, after, dnat } = headersOf(packet);
  return {
    before,
    after,
    dnat,
    host,
    path: pathOf(packet),
    inInterface: packet.inInterface ?? '',
    outInterface,
    firstOutInterface: packet.beforeDNAT?.outInterface ?? outInterface,
    withSteps,
    state: packet.state,
    accepted: undefined,
  };
}

/** A workload interface is one by its name, whether an endpoint is known for it or not. */
export function isWorkloadInterface({ policy }: Host, name: string): boolean {
  return policy.parameters.interfacePrefix.some((prefix) => name.startsWith(prefix));
}
