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

const notReady = `${readinessKind} default says that the datastore is not ready (datastoreReady): its objects are not used`;

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
  let isReady = false;
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
    const [first, ...rest] = followedKinds(calicoGroup(client, options.calicoApiGroup), pods);
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
    if (readiness.isListed && isReady !== saysReady(readiness)) {
      isReady = !isReady;
      switching = switching.then(switchOthers);
    }
    tellConnection();
    if (inSync || !isReady || !others.every(({ isListed }) => isListed)) return;
    inSync = true;
    listener?.inSync();
    tellConnection();
  }

  /** While the datastore is not ready nothing of it counts; afterwards all is listed again, and differences are told. */
  async function switchOthers(): Promise<void> {
    if (!isReady) await Promise.all(others.map((follower) => follower.stop()));
    else if (!stopped.signal.aborted) for (const follower of others) follower.start();
  }

  function tellConnection(): void {
    if (listener === undefined || stopped.signal.aborted) return;
    const reason = trouble();
    if (connection?.connected === (reason === undefined) && connection.reason === reason) return;
    connection = reason === undefined ? { connected: true } : { connected: false, reason };
    listener.connection(connection);
  }

  function trouble(): string | undefined {
    if (lost !== undefined) return lost;
    const followers = readiness === undefined ? others : [readiness, ...others];
    const failures = followers.flatMap(({ failure }) => failure ?? []);
    // Before all has been listed once, one kind is enough to stand still; afterwards the others go on.
    if (failures.length > 0 && (!inSync || failures.length === followers.length)) return failures[0];
    return readiness?.isListed && !isReady ? notReady : undefined;
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
      const reason = trouble();
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

/** There is no ClusterInformation, or it says so. */
function saysReady(readiness: KindFollower): boolean {
  for (const parsed of readiness.values()) {
    if (!parsed.valid) return false;
    const { resource } = parsed;
    if (resource.kind === readinessKind && resource.metadata.name === 'default')
      return resource.spec.datastoreReady === true;
  }
  return true;
}
