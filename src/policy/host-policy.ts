/**
 * What the resources of the cluster mean for this host: the only thing that the ruleset and the evaluator read. Everything
 * is resolved: interfaces instead of expected addresses, ordered tiers instead of selectors, sets instead of labels. Nothing of
 * it changes but sets, and what is the same as before is the same object.
 */
export interface HostPolicy {
  readonly node: string;
  readonly parameters: PolicyParameters;
  /** Sorted by name. Those without interfaces here are not active anywhere. */
  readonly hostEndpoints: readonly HostEndpointPolicy[];
  /** Sorted by interface name, one for each. */
  readonly workloadEndpoints: readonly WorkloadEndpointPolicy[];
  /** 1:1 NAT of workload addresses, sorted; at most one for an external address. */
  readonly nats: readonly Nat[];
  /** By policy id: at least those that endpoints refer to. */
  readonly policies: ReadonlyMap<string, PolicyRules>;
  /** By name: those that endpoints refer to and that exist. One that is missing denies everything at its place. */
  readonly profiles: ReadonlyMap<string, ProfileRules>;
  /** By set id: all that rules of the above refer to. */
  readonly sets: ReadonlyMap<string, MemberSet>;
}

/** The parameters of FelixConfiguration that decide about packets, with its names and meanings (docs.tigera.io, felixconfig). */
export interface PolicyParameters {
  readonly ipv6Support: boolean;
  readonly interfacePrefix: readonly string[];
  readonly defaultEndpointToHostAction: 'Drop' | 'Accept' | 'Return';
  readonly failsafeInboundHostPorts: readonly FailsafePort[];
  readonly failsafeOutboundHostPorts: readonly FailsafePort[];
  readonly filterAllowAction: 'ACCEPT' | 'RETURN';
  readonly filterDenyAction: 'DROP' | 'REJECT';
  readonly markMask: number;
  readonly logPrefix: string;
  readonly logActionRateLimit?: RateLimit | undefined;
  readonly logActionRateLimitBurst: number;
  readonly disableConntrackInvalidCheck: boolean;
  readonly allowVXLANPacketsFromWorkloads: boolean;
  readonly allowIPIPPacketsFromWorkloads: boolean;
  readonly vxlanPort: number;
}

export interface FailsafePort {
  readonly protocol: number;
  readonly port: number;
  /** Canonical CIDR of the peers that it is for; without one it is for all, of both families. */
  readonly net?: string | undefined;
}

export interface RateLimit {
  readonly rate: number;
  readonly per: 'second' | 'minute' | 'hour' | 'day';
}

/** A HostEndpoint of this node and where it is active. */
export interface HostEndpointPolicy {
  readonly name: string;
  /** `*`: what no other endpoint of `interfaces` governs is governed by this one. */
  readonly wildcard: boolean;
  /** Where it is active, sorted; also a name that it states and that does not exist yet; `*` for the wildcard in force. */
  readonly interfaces: readonly string[];
  /** As Calico reports it: error = no interface, down = one of them is down. */
  readonly state: 'up' | 'down' | 'error';
  readonly profiles: readonly string[];
  /** The tiers of each class that have a policy for this endpoint, in order. Empty `untracked` for a wildcard. */
  readonly untracked: readonly TierPolicies[];
  readonly preDNAT: readonly TierPolicies[];
  readonly forward: readonly TierPolicies[];
  readonly normal: readonly TierPolicies[];
}

/** A WorkloadEndpoint of this node. */
export interface WorkloadEndpointPolicy {
  readonly namespace: string;
  readonly name: string;
  readonly interface: string;
  readonly state: 'up' | 'down';
  /** Canonical addresses that it may send from, without prefix length. */
  readonly addresses: readonly string[];
  /** Canonical CIDRs that it may send from besides its addresses. */
  readonly allowedSources: readonly string[];
  readonly profiles: readonly string[];
  readonly normal: readonly TierPolicies[];
  /** What may pass of what policy allows; ingress is what is sent to the workload. */
  readonly limits: { readonly ingress: QosLimits; readonly egress: QosLimits };
}

export interface QosLimits {
  /** Packets per second, with so many at once; the rest is dropped. */
  readonly packetRate?: { readonly rate: number; readonly burst: number } | undefined;
  /** TCP connections that may be open at the same time; further ones are reset. */
  readonly maxConnections?: number | undefined;
}

/** What is sent to the external address goes to the internal one. */
export interface Nat {
  readonly internal: string;
  readonly external: string;
  /** A workload that reaches itself by an external address is seen with this one: one for each internal address. */
  readonly hairpin: boolean;
}

/** The enforced policies of one tier and class for one endpoint: ids, in order. A tier without any is left out. */
export interface TierPolicies {
  readonly name: string;
  readonly defaultAction: 'Deny' | 'Pass';
  readonly ingress: readonly string[];
  readonly egress: readonly string[];
}

export interface PolicyRules {
  readonly id: string;
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly tier: string;
  readonly ingress: readonly Rule[];
  readonly egress: readonly Rule[];
}

export interface ProfileRules {
  readonly name: string;
  readonly ingress: readonly Rule[];
  readonly egress: readonly Rule[];
}

export type Family = 4 | 6;

/** A rule; all criteria must hold. Families: docs.tigera.io gives `ipVersion`; ICMP and ICMPv6 imply theirs. */
export interface Rule {
  readonly action: 'Allow' | 'Deny' | 'Log' | 'Pass';
  readonly ipVersion?: Family | undefined;
  readonly protocol?: number | undefined;
  readonly notProtocol?: number | undefined;
  readonly icmp?: Icmp | undefined;
  readonly notICMP?: Icmp | undefined;
  readonly source: EntityMatch;
  readonly destination: EntityMatch;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export interface Icmp {
  readonly type?: number | undefined;
  readonly code?: number | undefined;
}

/** One side of a rule. What is undefined does not matter. */
export interface EntityMatch {
  /** Canonical CIDRs. A list without an entry of the packet's family does not match, `notNets` neither. */
  readonly nets?: readonly string[] | undefined;
  readonly notNets?: readonly string[] | undefined;
  /** Id of a set of CIDRs. */
  readonly set?: string | undefined;
  readonly notSet?: string | undefined;
  /** The port is in a range, or the address with protocol and port in a set. */
  readonly ports?: PortMatch | undefined;
  /** Neither. */
  readonly notPorts?: PortMatch | undefined;
  /** Id of a set: of addresses with protocol and port for a destination, of CIDRs for a source. */
  readonly service?: string | undefined;
}

export interface PortMatch {
  readonly ranges: readonly PortRange[];
  readonly sets: readonly string[];
}

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Addresses that rules refer to by id. `net`: canonical CIDRs; `ip,port`: `ADDRESS,PROTOCOL:PORT` with numbers. The object
 * of an id stays the same; `version` grows with each change of its members.
 */
export interface MemberSet {
  readonly id: string;
  readonly kind: 'net' | 'ip,port';
  /** For people: the selector or what else it stands for. */
  readonly description: string;
  readonly version: number;
  readonly members: Iterable<string> & { readonly size: number; has(member: string): boolean };
  /** The same members by family and prefix length, as they are now; none is empty. */
  readonly groups: readonly MemberGroup[];
}

export interface MemberGroup {
  readonly family: Family;
  /** That of a single address for `ip,port`. */
  readonly length: number;
  /** Of `net` the addresses alone. */
  readonly members: Members;
}

/** Members at one moment: they stay as they are, whatever becomes of the set. IPv4 addresses come in their order. */
export interface Members extends Iterable<string> {
  readonly size: number;
  has(member: string): boolean;
  /** What is different from an earlier moment of the same group; undefined if it is none. Costs what has changed. */
  changesSince(earlier: Members): MemberChanges | undefined;
}

export interface MemberChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}
