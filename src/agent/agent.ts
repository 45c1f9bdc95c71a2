import type { Conntrack } from '../conntrack/conntrack.js';
import type { StatusReporter } from '../datastore/etcd/etcd-reporter.js';
import type { Connection, Source, SourceEvent } from '../datastore/source.js';
import type { InterfaceSource, Interfaces } from '../interfaces/interface-source.js';
import type { Driver, ForeignChange, NftError, Watch } from '../nft/driver.js';
import { kernelTable } from '../nft/kernel-table.js';
import type { Origin, Table } from '../nft/objects.js';
import type { Health, HealthProvider } from '../observe/http.js';
import type { Log } from '../observe/log.js';
import type { Metrics } from '../observe/metrics.js';
import { notReadyReasons, type QuarantinedObject, type Status } from '../observe/status.js';
import type { StatusProvider } from '../observe/status-server.js';
import type { Calculation, PolicyCalculator } from '../policy/calculator.js';
import type { HostPolicy } from '../policy/host-policy.js';
import { keyOf } from '../resources/key-of.js';
import { keyText, type ObjectKey } from '../resources/resource.js';
import { conntrackTable, type RenderOptions, renderTable, TABLE } from '../ruleset/render.js';
import { admission, type Change } from './admission.js';
import { applyLoop } from './apply-loop.js';
import { connectionCleaner } from './connection-cleaner.js';
import { countedDriver } from './counted-driver.js';
import { type Drift, enforcer } from './enforcer.js';
import { fullCheck } from './full-check.js';
import { generations } from './generations.js';
import { recordMetrics } from './record-metrics.js';
import type { StateKeeper } from './state-keeper.js';
import { endpointStatuses, policyStatuses, quarantinedObjects, rulesetStatus } from './status-report.js';
import { statusReports } from './status-reports.js';
import { tellOnce } from './tell-once.js';
import { whenInForce } from './when-in-force.js';

export interface AgentOptions {
  readonly node: string;
  readonly version: string;
  readonly source: Source;
  readonly interfaces: InterfaceSource;
  readonly driver: Driver;
  readonly conntrack: Conntrack;
  readonly calculator: PolicyCalculator;
  readonly render?: RenderOptions;
  readonly state: StateKeeper;
  /** Who looks into the datastore is told there what became of the endpoints. */
  readonly reporter?: StatusReporter | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Called after each committed transaction, and when readiness changes. */
  readonly changed?: (ready: boolean, policy: HostPolicy) => void;
}

/** The daemon: from the datastore and the interfaces to the kernel, until it is stopped. */
export interface Agent extends StatusProvider {
  /** Resolves when datastore and interfaces are followed. Rejects if the kernel's table can't be read or written at all. */
  start(): Promise<void>;
  /** Rules stay in force. */
  stop(): Promise<void>;
  readonly health: HealthProvider;
  /** Brings the metrics up to date, for somebody who reads them now. */
  refreshMetrics(): void;
}

type Vitals = Omit<Status, 'degraded' | 'ruleset' | 'endpoints' | 'policies' | 'quarantined'>;

/** An apply that takes longer is stuck: nft itself is given 30 s. */
const STUCK_MS = 90_000;

export function agent(options: AgentOptions): Agent {
  const { source, calculator, log, metrics } = options;
  const driver = countedDriver(options.driver, metrics);
  const admitted = admission();
  const kernel = kernelTable(driver, TABLE, {
    onListedDifferently: (object) =>
      log.warn({ object }, 'this version of nft lists the object differently; changes to it are not noticed'),
  });
  const enforcement = enforcer(kernel, driver);
  const connections = connectionCleaner(options.conntrack, options.node, log);
  const input = generations();
  const tell = tellOnce(log);
  const reports = options.reporter && statusReports(options.reporter);
  const started = performance.now();
  let watch: Watch | undefined;
  let inSync = false;
  let listed = false;
  let interfaceProblem: string | undefined;
  let connection: Connection & { readonly since: string } = { connected: false, since: timestamp() };
  let lastChange: string | null = null;
  let calculation: Calculation | undefined;
  let enforced: Table | undefined;
  let lastApply: Status['lastApply'] = null;
  let failing = false;
  let runningSince: number | undefined;
  const drift = { repairs: 0, last: null as string | null };
  /** Objects on which the calculation failed. */
  const broken = new Map<string, QuarantinedObject>();

  const changed = (): void => {
    input.advance();
    loop.poke();
  };

  const take = (changes: readonly Change[]): void => {
    for (const change of changes) {
      const key = 'upsert' in change ? keyOf(change.upsert) : change.remove;
      broken.delete(keyText(key));
      try {
        if ('upsert' in change) calculator.upsert(change.upsert);
        else calculator.remove(key);
      } catch (err) {
        // A mistake of the program: what is valid must not fail. One object must not take the others along.
        log.error({ err, ...key }, 'an object could not be taken in; please report this');
        broken.set(keyText(key), brokenObject(key, err));
      }
    }
  };

  const run = async (): Promise<boolean> => {
    if (!inSync || !listed) return true;
    runningSince = performance.now();
    try {
      return await apply();
    } finally {
      runningSince = undefined;
    }
  };

  const apply = async (): Promise<boolean> => {
    const begin = performance.now();
    const generation = input.current;
    admitted.mark();
    calculation = calculator.calculate();
    const calculated = performance.now();
    metrics.calcGraphUpdateTime.observe((calculated - begin) / 1000);
    const { hostPolicy } = calculation;
    const table = renderTable(hostPolicy, options.render);
    await connections.ready(hostPolicy);
    const outcome = await enforcement.enforce(table);
    const ms = performance.now() - begin;
    metrics.dataplaneApplyTime.observe((performance.now() - calculated) / 1000);
    if (!outcome.committed) return refused(outcome.error, outcome.guilty, ms);
    connections.inForce(hostPolicy);
    committed(table, generation, outcome.changes, ms, outcome.drift);
    return true;
  };

  const committed = (table: Table, generation: number, changes: number, ms: number, found: Drift | undefined): void => {
    if (enforced === undefined) metrics.dataplaneInitialResyncTime.set((performance.now() - started) / 1000);
    enforced = table;
    failing = false;
    if (found) repaired(found);
    lastApply = { at: timestamp(), ms: Math.round(ms * 10) / 10, changes, error: null };
    if (changes > 0) log.info({ changes, ms: lastApply.ms, generation }, 'ruleset is in force');
    options.state.committed(table, admitted);
    input.enforced(generation);
    if (calculation) reports?.(calculation);
    report();
  };

  const repaired = ({ objects, process }: Drift): void => {
    drift.repairs += 1;
    drift.last = timestamp();
    metrics.driftRepairs.inc();
    const by = process ? `${process.name} (pid ${process.pid})` : 'somebody';
    log.warn({ objects: objects.slice(0, 10), process }, `our table was changed by ${by}, and has been restored`);
  };

  const refused = (error: NftError, guilty: Origin | undefined, ms: number): boolean => {
    metrics.dataplaneFailures.inc();
    lastApply = { at: timestamp(), ms: Math.round(ms * 10) / 10, changes: 0, error: error.message };
    const changes = guilty
      ? admitted.refuse(guilty, { path: 'spec', code: 'refused-by-kernel', message: oneLine(error) })
      : [];
    if (changes.length === 0) {
      failing = true;
      log.error({ err: error, origin: guilty }, 'the ruleset could not be brought into force; trying again');
      report();
      return false;
    }
    log.error(
      { err: error, origin: guilty },
      `${guilty?.kind} ${guilty?.name} is refused by the kernel; the rest is enforced`,
    );
    take(changes);
    changed();
    return true;
  };

  const report = (): void => {
    if (!calculation) return;
    tell([...quarantinedObjects(admitted), ...broken.values()], admitted.warnings(), calculation);
    options.changed?.(vitals().ready, calculation.hostPolicy);
    wholeTable.every(calculation.parameters.refreshInterval);
  };

  /** Nothing waits for it: most times nothing is found. */
  const wholeTable = fullCheck({
    async check(signal) {
      try {
        if (await enforcement.check(signal)) loop.poke();
      } catch (err) {
        log.warn({ err }, 'the table could not be compared with what it should be; trying again later');
      }
    },
  });

  const suspect = (change: ForeignChange): void => {
    enforcement.suspect(change);
    loop.poke();
  };

  const told = (change: ForeignChange): void => {
    if (change.kind === 'lost') wholeTable.look();
    else suspect(change);
  };

  const loop = applyLoop({
    run,
    failed: (err) => {
      failing = true;
      lastApply = { at: timestamp(), ms: 0, changes: 0, error: err instanceof Error ? err.message : String(err) };
      log.error({ err }, 'the ruleset could not be worked out; trying again');
    },
  });

  const listener = {
    events(events: readonly SourceEvent[]) {
      lastChange = timestamp();
      for (const event of events) metrics.calcGraphUpdatesProcessed.inc(1, { type: kindOf(event) });
      take(admitted.events(events));
      changed();
    },
    inSync() {
      admitted.inSync();
      inSync = true;
      log.info({ datastore: source.url }, 'datastore is in sync');
      changed();
    },
    connection(state: Connection) {
      const since = state.connected === connection.connected ? connection.since : timestamp();
      connection = { ...state, since };
      metrics.datastoreConnected.set(state.connected ? 1 : 0);
      const { reason } = state;
      if (!state.connected)
        log.warn({ datastore: source.url, reason }, 'datastore is lost; the last known state stays in force');
      else if (reason === undefined) log.info({ datastore: source.url }, 'datastore is connected');
      else log.warn({ datastore: source.url, reason }, 'datastore is not ready; the last known state stays in force');
      report();
    },
  };

  const followInterfaces = {
    changed(interfaces: Interfaces) {
      listed = true;
      calculator.setInterfaces(interfaces);
      changed();
    },
    problem(reason: string | undefined) {
      interfaceProblem = reason;
      if (reason) log.warn({ reason }, 'interfaces can not be followed; the last list stands');
      else log.info('interfaces are followed again');
    },
  };

  const isUsable = (): boolean => connection.connected && connection.reason === undefined;

  /** What is known without looking at each object. */
  const vitals = (): Vitals => ({
    node: options.node,
    version: options.version,
    ready: inSync && listed && isUsable() && enforced !== undefined && !failing,
    inSync,
    datastore: {
      url: source.url,
      connected: connection.connected,
      since: connection.since,
      lastChange,
      reason: connection.reason ?? null,
    },
    interfaces: { listed, reason: interfaceProblem ?? null },
    input: input.current,
    enforced: input.inForce,
    lastApply,
    drift,
    state: { problem: options.state.problem() },
  });

  const status = (): Status => {
    const quarantined = [...quarantinedObjects(admitted), ...broken.values()];
    const policies = calculation ? policyStatuses(calculator.policyStates(calculation.hostPolicy)) : [];
    return {
      ...vitals(),
      degraded: quarantined.length > 0 || policies.some(({ state }) => state === 'unsupported'),
      ruleset: rulesetStatus(enforced, driver.name),
      endpoints: calculation ? endpointStatuses(calculation) : [],
      policies,
      quarantined,
    };
  };

  const provider: Agent = {
    async start() {
      const entries = await options.state.load();
      admitted.restore(entries);
      connections.restore(entries);
      // It has much to read, and nothing is applied before the interfaces have been listed.
      source.start(listener);
      await driver.usable();
      // Open connections must be known before policy: else each would be new in the direction of its next packet.
      await kernel.create(conntrackTable());
      watch = driver.watch(TABLE, told);
      options.interfaces.start(followInterfaces);
    },
    async stop() {
      const checked = wholeTable.stop();
      await Promise.all([source.stop(), options.interfaces.stop(), watch?.stop()]);
      await loop.stop();
      await checked;
      await driver.close();
      await connections.done();
      await options.reporter?.stop();
      await options.state.close();
    },
    status,
    waitInForce: (signal) =>
      whenInForce(
        {
          catchUp: () => source.catchUp(),
          reached: () => input.reached(input.current, signal),
          isReady: () => vitals().ready,
        },
        signal,
      ),
    refreshMetrics() {
      if (calculation) recordMetrics(metrics, status(), enforced, calculation, calculator);
    },
    health: {
      live: (): Health => {
        const stuck = runningSince !== undefined && performance.now() - runningSince > STUCK_MS;
        return { ok: !stuck, reasons: stuck ? ['the ruleset has been on its way to the kernel for too long'] : [] };
      },
      ready: (): Health => {
        const now = vitals();
        return { ok: now.ready, reasons: notReadyReasons(now) };
      },
    },
  };
  return provider;
}

function brokenObject(key: ObjectKey, error: unknown): QuarantinedObject {
  const message = `the program failed on it (${error instanceof Error ? error.message : String(error)}); please report this`;
  return { ...key, file: null, line: null, path: '', code: 'internal', message, inForce: 'absent' };
}

function kindOf(event: SourceEvent): string {
  return event.type === 'problems' ? (event.kind ?? 'File') : event.key.kind;
}

function oneLine({ message }: Error): string {
  return message.replace(/\s*\n\s*/g, ' ');
}

function timestamp(): string {
  return new Date().toISOString();
}
