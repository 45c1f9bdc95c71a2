import { clusterReadiness, type Readiness } from '../cluster-readiness.js';
import type { CallOptions, EtcdClient } from './etcd-client.js';
import type { KeyValue } from './messages.js';
import { parseJson } from './parse-json.js';
import { CLUSTER_INFORMATION } from './resource-path.js';

/** What tells one store from another, and whether it may be used. */
export interface Origin {
  readonly revision: number;
  readonly clusterId: number;
  readonly raftTerm: number;
  /** When its ClusterInformation was made. */
  readonly initialised: number | undefined;
  readonly readiness: Readiness;
}

/** As of now: a member that has not got the latest from its leader does not answer. */
export async function readOrigin(client: Pick<EtcdClient, 'range'>, options: CallOptions): Promise<Origin> {
  const { header, kvs } = await client.range({ key: CLUSTER_INFORMATION }, { ...options, requireLeader: true });
  const [kv] = kvs;
  return { ...header, initialised: kv?.createRevision, readiness: readinessOf(kv) };
}

export function readinessOf(kv: KeyValue | undefined): Readiness {
  if (kv === undefined) return clusterReadiness(undefined);
  return clusterReadiness(parseJson(kv.value) ?? null);
}

/**
 * Whether this is another store than the one that was seen last, or an older state of it: somebody has removed its data, or has
 * restored a backup. `revision`: the highest that was seen of the former.
 */
export function isOtherStore(now: Origin, last: Origin, revision: number): boolean {
  return (
    now.clusterId !== last.clusterId ||
    now.raftTerm < last.raftTerm ||
    now.revision < revision ||
    now.initialised !== last.initialised
  );
}
