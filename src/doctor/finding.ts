export type Result = 'ok' | 'warning' | 'problem' | 'unknown';

/** What a check found. */
export interface Finding {
  readonly topic: string;
  readonly result: Result;
  readonly message: string;
  /** What to do about it, for everything but `ok`. */
  readonly advice?: string;
}

/** A check of one topic, without the topic. */
export type Check = (facts: Facts) => readonly Omit<Finding, 'topic'>[];

/** What is known about the host. Undefined, or a reason: it could not be found out. */
export interface Facts {
  readonly kernelRelease: string;
  /** As `nft --version` says; undefined without the command. */
  readonly nftVersion: string | undefined;
  readonly ipAvailable: boolean;
  readonly conntrackAvailable: boolean;
  /** What this nft and kernel say to each thing that rulesets need: undefined is yes, a text why not. */
  readonly features: ReadonlyMap<string, string | undefined> | undefined;
  readonly chains: readonly ForeignChain[] | undefined;
  /** Tables of iptables-legacy, which nft does not list. */
  readonly legacyTables: readonly string[];
  /** CapEff of this process. */
  readonly capabilities: bigint | undefined;
  readonly now: Date;
  /** As systemd says. */
  readonly clockSynchronized: boolean | undefined;
  readonly savedAt: Date | undefined;
  /** By name, `net.ipv4.ip_forward`. */
  readonly sysctls: ReadonlyMap<string, string>;
  readonly service: ServiceFacts;
  readonly boot: BootFacts;
  /** TCP ports that sshd listens on. */
  readonly sshPorts: readonly number[] | undefined;
  readonly policy: PolicyFacts | { readonly unknown: string };
}

/** A chain as `nft -j list chains` tells it; the last four are those of base chains. */
export interface ForeignChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly type?: string | undefined;
  readonly hook?: string | undefined;
  readonly prio?: number | undefined;
  readonly policy?: string | undefined;
}

export interface ServiceFacts {
  /** As `systemctl is-enabled` and `is-active` say; undefined without systemd. */
  readonly enabled: string | undefined;
  readonly active: string | undefined;
  /** What the daemon answers; undefined if there is none. */
  readonly daemon: { readonly ready: boolean; readonly degraded: boolean } | undefined;
}

export interface BootFacts {
  readonly unit: string;
  readonly saved: 'good' | 'missing' | 'mismatch' | 'unreadable';
  readonly loads: 'nothing' | 'saved ruleset' | 'fallback';
}

export interface PolicyFacts {
  readonly hostEndpoints: number;
  readonly workloadEndpoints: number;
  readonly failsafeInbound: readonly {
    readonly protocol: number;
    readonly port: number;
    readonly net?: string | undefined;
  }[];
}
