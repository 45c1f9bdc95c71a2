import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { EtcdClient } from './etcd-client.js';
import { asEtcdError } from './etcd-error.js';
import { listPages } from './list-pages.js';
import { pendingStatuses, type StatusWrite } from './pending-statuses.js';
import { type ReportedEndpoint, type StatusKeys, statusKeys } from './status-keys.js';

/** What FelixConfiguration says about reports. */
export interface ReportSettings {
  /** `endpointReportingEnabled`. */
  readonly endpoints: boolean;
  /** `endpointReportingDelay` in ms: at most one status of an endpoint is written in so much time. */
  readonly endpointDelayMs: number;
  /** `reportingInterval` in ms: how often the agent says that it lives; 0: never. */
  readonly intervalMs: number;
  /** `reportingTTL` in seconds: how long that holds. */
  readonly ttlSeconds: number;
  /** `openstackRegion`. */
  readonly region: string;
}

/** Tells those who look into etcd, as Felix does, that the agent lives and what became of the node's endpoints. */
export interface StatusReporter {
  /** Nothing is reported before the first call, and after each everything as these settings want it. */
  configure(settings: ReportSettings): void;
  /** All endpoints of the node, as they are in force. From the first call on, what etcd has of others is removed. */
  endpoints(endpoints: readonly ReportedEndpoint[]): void;
  /** The last report stays until its time is over. */
  stop(): Promise<void>;
}

export interface EtcdReporterOptions {
  readonly node: string;
  /** Closed with the reporter. */
  readonly client: EtcdClient;
  /** Why nothing can be written; undefined: it can again. */
  readonly problem: (reason: string | undefined) => void;
  /** When the first report is due, in ms: one that starts again and again does not count as alive. */
  readonly firstMs?: number;
}

/** Writing a status must not keep anybody waiting. Source: Felix. */
const WRITE_MS = 2000;
/** After so many delays it is looked whether others have changed something. Source: Felix. */
const RESYNC_DELAYS = 180;

export function etcdReporter({ node, client, problem, firstMs = 10_000 }: EtcdReporterOptions): StatusReporter {
  const pending = pendingStatuses();
  const started = performance.now();
  let current: readonly ReportedEndpoint[] | undefined;
  let settings: ReportSettings | undefined;
  let stopping = new AbortController();
  let loops: Promise<void> = Promise.resolve();
  let isFirst = true;
  let lease: number | undefined;
  let told: string | undefined;

  async function reportEndpoints({ endpointDelayMs }: ReportSettings, keys: StatusKeys, signal: AbortSignal) {
    let nextResync = 0;
    while (await waited(jittered(endpointDelayMs), signal)) {
      if (current === undefined) continue;
      pending.want(statusesOf(current, keys));
      const isDone = await attempt(async () => {
        if (performance.now() >= nextResync) pending.found(await statusesIn(keys));
        const next = pending.next();
        if (next === undefined) return;
        await write(next);
        pending.written(next);
      });
      if (isDone && performance.now() >= nextResync)
        nextResync = performance.now() + jittered(RESYNC_DELAYS * endpointDelayMs);
    }
  }

  async function reportLife({ intervalMs, ttlSeconds }: ReportSettings, keys: StatusKeys, signal: AbortSignal) {
    if (!(await waited(isFirst ? firstMs : 0, signal))) return;
    do {
      await attempt(() => sayAlive(keys, ttlSeconds));
    } while (await waited(intervalMs, signal));
  }

  async function sayAlive({ active, last }: StatusKeys, ttl: number): Promise<void> {
    const isAlive = lease !== undefined && (await client.leaseKeepAlive(lease, { answerMs: WRITE_MS })) > 0;
    if (!isAlive) lease = await newLease(ttl);
    const time = new Date().toISOString().replace(/\.\d+/, '');
    const uptime = Math.round(performance.now() - started) / 1000;
    const value = Buffer.from(JSON.stringify({ time, uptime, first_update: isFirst }));
    const puts = [
      { key: active, value, ...(lease !== undefined && { lease }) },
      { key: last, value },
    ];
    const success = puts.map((requestPut) => ({ requestPut }));
    await client.txn({ compare: [], success, failure: [] }, { answerMs: WRITE_MS });
    isFirst = false;
  }

  async function newLease(ttl: number): Promise<number> {
    const id = randomInt(1, 2 ** 48 - 1);
    await client.leaseGrant(id, ttl, { answerMs: WRITE_MS });
    return id;
  }

  async function write({ key, value }: StatusWrite): Promise<void> {
    const operation =
      value === undefined ? { requestDeleteRange: { key } } : { requestPut: { key, value: Buffer.from(value) } };
    await client.txn({ compare: [], success: [operation], failure: [] }, { answerMs: WRITE_MS });
  }

  async function statusesIn({ ranges }: StatusKeys): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const { key, rangeEnd } of ranges) {
      for await (const { kvs } of listPages(client, key, rangeEnd, { answerMs: WRITE_MS }))
        for (const kv of kvs) found.set(kv.key, Buffer.from(kv.value).toString());
    }
    return found;
  }

  /** What fails is tried again when it is due again. */
  async function attempt(work: () => Promise<void>): Promise<boolean> {
    const reason = await work().then(
      () => undefined,
      (error: unknown) => asEtcdError(error).message,
    );
    if (reason !== told && !stopping.signal.aborted) problem(reason);
    told = reason;
    return reason === undefined;
  }

  /** An agent that goes on without reporting, or elsewhere, must not count as alive there. */
  async function endLease(): Promise<void> {
    const ended = lease;
    lease = undefined;
    if (ended !== undefined) await attempt(() => client.leaseRevoke(ended, { answerMs: WRITE_MS }));
  }

  return {
    configure(next) {
      if (isDeepStrictEqual(next, settings)) return;
      const keepsLease =
        next.intervalMs > 0 && next.ttlSeconds === settings?.ttlSeconds && next.region === settings.region;
      settings = next;
      stopping.abort();
      stopping = new AbortController();
      const { signal } = stopping;
      const keys = statusKeys(node, next.region);
      const begin = async (): Promise<void> => {
        if (!keepsLease) await endLease();
        await Promise.all([
          next.endpoints ? reportEndpoints(next, keys, signal) : undefined,
          next.intervalMs > 0 ? reportLife(next, keys, signal) : undefined,
        ]);
      };
      loops = loops.then(begin);
    },
    endpoints(endpoints) {
      current = endpoints;
    },
    async stop() {
      stopping.abort();
      client.close();
      await loops;
    },
  };
}

function statusesOf(endpoints: readonly ReportedEndpoint[], keys: StatusKeys): Map<string, string> {
  return new Map(
    endpoints.flatMap((endpoint) => {
      const key = keys.endpoint(endpoint);
      return key === undefined ? [] : [[key, JSON.stringify({ status: endpoint.state })] as const];
    }),
  );
}

/** Resolves with false once the signal is there. */
async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  await pause(ms, undefined, { signal, ref: false }).catch(() => undefined);
  return !signal.aborted;
}

/** So that nodes that were started together do not write together. */
function jittered(ms: number): number {
  return ms * (1 + Math.random() / 10);
}
