/** What `margay status --json` prints: the state of one daemon. Times are RFC 3339, in UTC. */
export interface Status {
  readonly node: string;
  readonly version: string;
  /** The datastore is in sync, the interfaces have been listed and the last transaction was committed. */
  readonly ready: boolean;
  /** Something is quarantined or unsupported. Says nothing about `ready`. */
  readonly degraded: boolean;
  readonly inSync: boolean;
  readonly datastore: DatastoreStatus;
  /** What the host's interfaces are taken from. */
  readonly interfaces: InterfacesStatus;
  /** Generation of the input that has been read. */
  readonly input: number;
  /** Generation of the input that is in force. */
  readonly enforced: number;
  readonly ruleset: RulesetStatus;
  /** Null before the first transaction. */
  readonly lastApply: ApplyStatus | null;
  readonly endpoints: readonly EndpointStatus[];
  readonly policies: readonly PolicyStatus[];
  readonly quarantined: readonly QuarantinedObject[];
  readonly drift: { readonly repairs: number; readonly last: string | null };
  /** Why what must outlive the daemon can't be written to its state directory at the moment. */
  readonly state: { readonly problem: string | null };
}

export interface DatastoreStatus {
  /** As the operator wrote it, without credentials. */
  readonly url: string;
  readonly connected: boolean;
  /** Since when it has (not) been connected. */
  readonly since: string;
  readonly lastChange: string | null;
  /** Why it is not connected, or not to be used although it is. */
  readonly reason: string | null;
}

export interface InterfacesStatus {
  readonly listed: boolean;
  /** Why they can't be followed at the moment. */
  readonly reason: string | null;
}

/** The ruleset in force. */
export interface RulesetStatus {
  /** Null before anything of ours is in force. */
  readonly hash: string | null;
  readonly chains: number;
  readonly rules: number;
  readonly sets: number;
  readonly elements: number;
  readonly driver: string;
}

export interface ApplyStatus {
  readonly at: string;
  readonly ms: number;
  /** Objects that were added, changed or deleted. */
  readonly changes: number;
  readonly error: string | null;
}

export interface EndpointStatus {
  readonly kind: 'HostEndpoint' | 'WorkloadEndpoint';
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly interfaces: readonly string[];
  /** Calico's words: error = no interface, down = an interface of it is down. */
  readonly state: 'up' | 'down' | 'error';
  /** In the order in which they are evaluated. */
  readonly policies: readonly string[];
  readonly profiles: readonly string[];
}

/** What became of a policy on this node; all but `enforced` are told with a reason. */
export const policyStates = ['enforced', 'staged', 'inert', 'hollow', 'shadowed', 'unsupported'] as const;
export type PolicyState = (typeof policyStates)[number];

export interface PolicyStatus {
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly tier: string;
  readonly state: PolicyState;
  readonly reason: string | null;
}

/** An object that is not used as it is in the datastore. */
export interface QuarantinedObject {
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly file: string | null;
  readonly line: number | null;
  /** `spec.ingress[0].action`, empty if it is about the object as a whole. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
  /** Absent: it has never been valid. */
  readonly inForce: 'last valid' | 'absent';
}

/** Why a daemon is not ready, most important first; empty if it is ready. */
export function notReadyReasons(
  status: Pick<Status, 'ready' | 'datastore' | 'inSync' | 'interfaces' | 'lastApply'>,
): string[] {
  if (status.ready) return [];
  const reasons: string[] = [];
  const { connected, reason } = status.datastore;
  if (!connected) reasons.push(because('the datastore is not connected', reason));
  else if (reason !== null) reasons.push(because('the datastore is not ready', reason));
  if (!status.inSync) reasons.push('the datastore has not been read completely yet');
  if (!status.interfaces.listed) {
    reasons.push(because('the interfaces have not been listed yet', status.interfaces.reason));
  }
  const error = status.lastApply?.error;
  if (error) reasons.push(because('the last transaction was refused', error));
  if (reasons.length === 0) reasons.push('the ruleset has not been applied yet');
  return reasons;
}

/** Why a daemon is degraded, whether it is ready or not. */
export function degradedReasons(status: Status): string[] {
  const reasons: string[] = [];
  const quarantined = status.quarantined.length;
  if (quarantined > 0) reasons.push(`${quarantined} ${quarantined === 1 ? 'object is' : 'objects are'} quarantined`);
  const unsupported = status.policies.filter((policy) => policy.state === 'unsupported').length;
  if (unsupported > 0) reasons.push(`${unsupported} ${unsupported === 1 ? 'policy is' : 'policies are'} unsupported`);
  if (status.degraded && reasons.length === 0) reasons.push('the daemon says so without a reason');
  return reasons;
}

function because(what: string, reason: string | null): string {
  return reason ? `${what}: ${reason}` : what;
}
