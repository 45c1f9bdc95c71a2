import type { Rule } from '../policy/host-policy.js';

/** What happens to a packet and how it came to it. */
export interface Verdict {
  readonly verdict: 'allow' | 'deny' | 'reject';
  /** Of a denied packet what denied it; of an allowed one the last policy or profile that allowed it, else what else did. */
  readonly by?: Decider | undefined;
  /** Those that concern the packet, in order, up to the first that denies. Empty: it touches no endpoint. */
  readonly stages: readonly StageResult[];
}

export type StageName =
  | 'anti-spoofing'
  | 'untracked ingress'
  | 'untracked egress'
  | 'pre-DNAT ingress'
  | 'workload to host'
  | 'endpoint to host'
  | 'host ingress'
  | 'host egress'
  | 'host egress after DNAT'
  | 'forward ingress'
  | 'workload egress'
  | 'workload ingress'
  | 'forward egress';

export type Direction = 'ingress' | 'egress';
export type PolicyClass = 'untracked' | 'preDNAT' | 'forward' | 'normal';

/** One decision about the packet. All of them must let it pass. */
export interface StageResult {
  readonly stage: StageName;
  readonly endpoint?: EndpointName | undefined;
  readonly direction: Direction;
  readonly class: PolicyClass;
  /** `none`: nothing decided, which lets the packet pass; `skipped`: something before it or an exemption decided for it. */
  readonly result: 'allow' | 'deny' | 'none' | 'skipped';
  readonly by?: Decider | undefined;
  /** Only where they are asked for. */
  readonly steps?: readonly Step[] | undefined;
}

export interface EndpointName {
  readonly kind: 'HostEndpoint' | 'WorkloadEndpoint';
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** What is not decided by a rule of a policy or profile. */
export type Circumstance =
  | 'established'
  | 'related'
  | 'invalid'
  | 'failsafe'
  | 'neighbour discovery'
  | 'end of tier'
  | 'missing'
  | 'end of profiles'
  | 'no forward policy'
  | 'not a source of this workload'
  | 'encapsulated'
  | 'unknown workload interface'
  | 'host to workload'
  | 'Drop'
  | 'Accept'
  | 'Return';

/** The object that decided: a policy, profile, tier, endpoint, interface or FelixConfiguration, and which part of it. */
export interface Decider {
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly tier?: string | undefined;
  readonly direction: Direction;
  /** The index of a rule, else why. */
  readonly rule: number | Circumstance;
}

/** A rule that was looked at, or the end of a tier. */
export interface Step {
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly tier?: string | undefined;
  readonly rule: number | Circumstance;
  readonly action: Rule['action'];
  readonly matched: boolean;
  /** The first criterion that failed, with the values. */
  readonly why?: string | undefined;
}
