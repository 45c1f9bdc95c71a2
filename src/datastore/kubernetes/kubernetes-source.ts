import type { Connection, Source, SourceListener } from '../source.js';
import { calicoGroup } from './calico-group.js';
import { type ApiClient, apiClient, type ClientTimes, defaultClientTimes } from './client/api-client.js';
import type { ClusterAccess } from './client/cluster-access.js';
import { followedKinds, readinessKind } from './followed-kinds.js';
import { type FollowerListener, type KindFollower, kindFollower } from './kind-follower.js';
import { reconnection } from './reconnection.js';
import type { ReflectorTimes } from './reflector.js';

export interface KubernetesSourceOptions {
  /** As the operator wrote it, without credentials. */
  readonly url: string;
  /** Asked for each connection. */
  readonly access: () => Promise<ClusterAccess>;
  readonly checkSelector: (text: string) => string | undefined;
  /** What names of workload interfaces begin with, as FELIX_INTERFACEPREFIX says; of a list the first counts. */
  readonly interfacePrefix?: string | undefined;
  /** CALICO_API_GROUP, if it is set. */
  readonly calicoApiGroup?: string | undefined;
  /** The kinds of Calico that are wanted; all by default. */
  readonly kinds?: readonly string[] | undefined;
  readonly userAgent?: string;
  /** Told what the operator should know although nothing is missing because of it. */
  readonly warn?: ((message: string) => void) | undefined;
  readonly times?: Partial<ReflectorTimes & ClientTimes>;
}

const defaultTimes: ReflectorTimes = {
  retry: { firstMs: 500, mostMs: 30_000 },
  unknownMs: 60_000,
  confirmMs: 2000,
  bringMs: 1000,
  watchMs: 300_000,
};

/** ClusterNetworkPolicy, AdminNetworkPolicy. */
const clusterPolicyGroup = 'policy.networking.k8s.io';

/**
 * Follows an API server of Kubernetes: the resources of Calico in it, and what its pods, namespaces and so on mean to policy. Only
 * while ClusterInformation, if there is one, says that the datastore is ready.
 */
export function kubernetesSource(options: KubernetesSourceOptions): Source {
  const times = { ...defaultTimes, ...defaultClientTimes, ...options.times };
  const stopped = new AbortController();
  const warned = new Set<string>();
  let listener: SourceListener | undefined;
  let client: ApiClient | undefined;
  let readiness: KindFollower | undefined;
  let others: readonly KindFollower[] = [];
  /** Why the datastore must not be used; undefined if it may. */
  let unready: string | undefined = 'it has not been asked yet whether it is ready';
  let wasInitialised = false;
  let inSync = false;
  let lost: string | undefined;
  let connection: Connection | undefined;
  /** The others are started and stopped one after the other. */
  let switching: Promise<void> = Promise.resolve();

  function open(): void {
    client = apiClient({
      access: options.access,
      userAgent: options.userAgent ?? 'margay',
      times,
      listener: { connected, lost: (reason) => reachable(reason) },
    });
    const shared = {
      client,
      times,
      checkSelector: options.checkSelector,
      reconnected: reconnection(client, times.retry, stopped.signal),
    };
    const pods = { interfacePrefix: options.interfacePrefix?.split(',', 1)[0]?.trim() || 'cali' };
    const [first, ...rest] = followedKinds(calicoGroup(client, options.calicoApiGroup, warnOfGroups), pods);
    const { kinds } = options;
    const wanted = kinds === undefined ? rest : rest.filter(({ kind }) => kinds.includes(kind));
    readiness = first && kindFollower(first, shared, follow);
    others = wanted.map((kind) => kindFollower(kind, shared, follow));
    readiness?.start();
  }

  const follow: FollowerListener = {
    events(events) {
      if (!stopped.signal.aborted) listener?.events(events);
    },
    changed: settle,
    warn: warnOnce,
  };

  function warnOnce(message: string): void {
    if (warned.has(message) || stopped.signal.aborted) return;
    warned.add(message);
    options.warn?.(message);
  }

  function warnOfGroups(groups: readonly string[]): void {
    if (groups.includes(clusterPolicyGroup))
      warnOnce(
        `the cluster has the API group ${clusterPolicyGroup}; its policies for the whole cluster are not enforced`,
      );
  }

  function connected({ warnings }: ClusterAccess): void {
    for (const warning of warnings) warnOnce(warning);
    reachable(undefined);
  }

  function reachable(reason: string | undefined): void {
    lost = reason;
    tellConnection();
  }

  /** Something is not as it was. */
  function settle(): void {
    if (stopped.signal.aborted || readiness === undefined) return;
    if (readiness.isListed) takeReadiness(readinessOf(readiness));
    tellConnection();
    if (inSync || unready !== undefined || !others.every(({ isListed }) => isListed)) return;
    inSync = true;
    listener?.inSync();
    tellConnection();
  }

  function takeReadiness(said: Readiness): void {
    const before = unready;
    wasInitialised ||= said !== 'absent';
    // Where one has been, its absence means that somebody has removed the data, or is about to.
    if (said === 'absent') unready = wasInitialised ? gone : undefined;
    else unready = said === 'ready' ? undefined : said.unready;
    if ((before === undefined) !== (unready === undefined)) switching = switching.then(switchOthers);
  }

  /** While the datastore is not ready nothing of it counts; afterwards all is listed again, and differences are told. */
  async function switchOthers(): Promise<void> {
    if (unready !== undefined) await Promise.all(others.map((follower) => follower.stop()));
    else if (!stopped.signal.aborted) for (const follower of others) follower.start();
  }

  function tellConnection(): void {
    if (listener === undefined || stopped.signal.aborted) return;
    const state = connectionNow();
    if (connection?.connected === state.connected && connection.reason === state.reason) return;
    connection = state;
    listener.connection(state);
  }

  function connectionNow(): Connection {
    const followers = readiness === undefined ? others : [readiness, ...others];
    const failures = followers.flatMap(({ failure }) => failure ?? []);
    // Before all has been listed once, one kind is enough to stand still; afterwards the others go on.
    const failed = !inSync || failures.length === followers.length ? failures[0] : undefined;
    const reason = lost ?? failed;
    if (reason !== undefined) return { connected: false, reason };
    return readiness?.isListed && unready !== undefined ? { connected: true, reason: unready } : { connected: true };
  }

  return {
    url: options.url,
    start(to) {
      listener = to;
      open();
    },
    async catchUp() {
      if (readiness === undefined || stopped.signal.aborted) throw new Error(`${options.url} is not being followed`);
      await readiness.catchUp();
      await switching;
      const { reason } = connectionNow();
      if (reason !== undefined) throw new Error(reason);
      await Promise.all(others.map((follower) => follower.catchUp()));
    },
    async stop() {
      stopped.abort();
      await switching;
      await Promise.all([readiness?.stop(), ...others.map((follower) => follower.stop())]);
      await client?.close();
    },
  };
}

type Readiness = 'ready' | 'absent' | { readonly unready: string };

const gone = `${readinessKind} default is gone: somebody has removed the data of Calico, or is about to`;

/** What ClusterInformation says; a cluster need not have one. */
function readinessOf(readiness: KindFollower): Readiness {
  for (const parsed of readiness.values()) {
    if (!parsed.valid) return { unready: `${readinessKind} can't be read: ${parsed.issues[0]?.message}` };
    const { resource } = parsed;
    if (resource.kind !== readinessKind || resource.metadata.name !== 'default') continue;
    if (resource.spec.datastoreReady === true) return 'ready';
    const found = resource.spec.datastoreReady === false ? 'false: its data are being migrated' : 'not set';
    return { unready: `datastoreReady of ${readinessKind} default is ${found}` };
  }
  return 'absent';
}
