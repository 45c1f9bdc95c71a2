import { type Agent, agent } from '../agent/agent.js';
import { objectJournal } from '../agent/object-journal.js';
import { stateKeeper } from '../agent/state-keeper.js';
import { conntrackCommand } from '../conntrack/conntrack-command.js';
import { followInterfaces } from '../interfaces/follow-interfaces.js';
import { nftCommand } from '../nft/nft-command.js';
import { healthRoutes, metricsRoutes, type Routes, serveHttp } from '../observe/http.js';
import { createLog, type Log } from '../observe/log.js';
import { createMetrics, type Exposition, silentMetrics } from '../observe/metrics.js';
import { createNotify, type Notify } from '../observe/sd-notify.js';
import { serveStatus } from '../observe/status-server.js';
import { feedWatchdog } from '../observe/watchdog.js';
import type { HostPolicy } from '../policy/host-policy.js';
import { remoteEndpoints } from '../policy/remote-endpoints.js';
import type { Resource } from '../resources/kinds.js';
import { parseResource } from '../resources/parse-resource.js';
import { checkSelector } from '../selector/check-selector.js';
import { collectAtRest } from './collect-at-rest.js';
import type { Io } from './io.js';
import { newCalculator } from './offline-policy.js';
import { openReporter } from './open-reporter.js';
import { openSource } from './open-source.js';
import { renderOptions } from './render-options.js';
import type { Address, Settings } from './settings/settings.js';
import { readVersion } from './version.js';

export interface Daemon {
  readonly log: Log;
  /** Rules stay in force. */
  stop(reason: string): Promise<void>;
}

/** Makes an agent of the settings, with all that is around it, and starts it. Rejects if another one has the run directory. */
export async function startDaemon(settings: Settings, { stdout, environment }: Io): Promise<Daemon> {
  const log = await createLog({
    level: settings.logLevel,
    format: settings.logFormat,
    terminal: stdout.isTTY ?? false,
    journalStream: environment.JOURNAL_STREAM,
    base: { node: settings.node },
  });
  const notify = createNotify({ notifySocket: environment.NOTIFY_SOCKET, log });
  const { metrics, exposition } = settings.metrics
    ? createMetrics()
    : { metrics: silentMetrics(), exposition: undefined };
  const manager = serviceManager(notify);
  const collector = collectAtRest();
  const version = readVersion();
  metrics.host.set(1, { host: settings.node });
  metrics.buildInfo.set(1, { version });
  const margay = agent({
    node: settings.node,
    version,
    source: await openSource(settings, environment, {
      warn: (message) => log.warn(message),
      keep: remoteEndpoints(settings.node),
    }),
    interfaces: followInterfaces(),
    driver: nftCommand({ session: settings.driver === 'nft' }),
    conntrack: conntrackCommand(),
    calculator: newCalculator(settings.node, environment),
    render: renderOptions(settings),
    state: stateKeeper(settings.stateDir, objectJournal(settings.stateDir, reviver(log)), log),
    reporter: await openReporter(settings, environment, (reason) => {
      if (reason === undefined) log.info('statuses are reported to etcd again');
      else log.warn({ reason }, 'statuses can not be reported to etcd; policy goes on without that');
    }),
    log,
    metrics,
    changed: (ready, policy) => {
      manager.changed(ready, policy);
      if (ready) collector.worked();
    },
  });
  const socket = await serveStatus(settings.runDir, margay);
  const servers = httpServices(settings, margay, exposition).map((service) => serveHttp({ ...service, log }));
  const stopFeeding = feedWatchdog({
    watchdogUsec: environment.WATCHDOG_USEC,
    watchdogPid: environment.WATCHDOG_PID,
    pid: process.pid,
    live: () => margay.health.live().ok,
    starting: () => !manager.wasReady(),
    notify,
  });
  const close = async () => {
    await margay.stop();
    stopFeeding();
    collector.stop();
    await Promise.all(servers.map((server) => server.close()));
    await socket.close();
  };
  log.info(
    { version, datastore: settings.datastore.url, runDir: settings.runDir, stateDir: settings.stateDir },
    'margay starts',
  );
  void notify(`STATUS=starting: waiting for ${settings.datastore.url} and the first ruleset`);
  try {
    await margay.start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    log,
    async stop(reason) {
      log.info({ reason }, 'margay stops; its rules stay in force');
      if (reason === 'SIGHUP') {
        // Before READY=1 of the next one, which has messages of its own.
        await Promise.all([notify('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`), close()]);
        return;
      }
      // Not waited for: a service manager that does not answer must not delay the end.
      void notify('STOPPING=1', 'STATUS=stopped; the rules stay in force');
      await close();
    },
  };
}

interface HttpService {
  readonly address: Address;
  readonly routes: Routes;
}

/** Health and metrics may share an address. */
function httpServices({ health, metrics }: Settings, margay: Agent, exposition: Exposition | undefined): HttpService[] {
  const wanted: HttpService[] = [
    ...(health ? [{ address: health, routes: healthRoutes(margay.health) }] : []),
    ...(metrics && exposition ? [{ address: metrics, routes: metricsRoutes(upToDate(exposition, margay)) }] : []),
  ];
  const [first, second] = wanted;
  const shared =
    first && second && first.address.host === second.address.host && first.address.port === second.address.port;
  return shared ? [{ address: first.address, routes: new Map([...first.routes, ...second.routes]) }] : wanted;
}

/** Gauges are set when somebody looks: that costs what is counted, each time. */
function upToDate({ contentType, text }: Exposition, margay: Agent): Exposition {
  return {
    contentType,
    text: () => {
      margay.refreshMetrics();
      return text();
    },
  };
}

/** What the journal holds was valid once; another version of the program may see it differently. */
function reviver(log: Log): (written: unknown) => Resource | undefined {
  return (written) => {
    const { key, parsed } = parseResource(written, { unknownFields: 'warning', defaults: 'none', checkSelector });
    if (parsed.valid) return parsed.resource;
    const [issue] = parsed.issues;
    log.warn(
      { ...key, issue },
      'what was in force before the restart is not valid for this version of Margay, and can not stand in for the object',
    );
    return undefined;
  };
}

interface ServiceManager {
  readonly changed: (ready: boolean, policy: HostPolicy) => void;
  /** Whether it was told READY=1. */
  wasReady(): boolean;
}

/** READY=1 with the first ruleset in force, then a line of status whenever it changes. */
function serviceManager(notify: Notify): ServiceManager {
  let wasReady = false;
  let last = '';
  return {
    wasReady: () => wasReady,
    changed(ready, { hostEndpoints, workloadEndpoints, policies }) {
      const endpoints = `${hostEndpoints.length} host and ${workloadEndpoints.length} workload endpoints`;
      const line = `STATUS=${ready ? 'enforcing' : 'not ready'}: ${endpoints}, ${policies.size} policies`;
      const news = [...(ready && !wasReady ? ['READY=1'] : []), ...(line === last ? [] : [line])];
      wasReady ||= ready;
      last = line;
      if (news.length > 0) void notify(...news);
    },
  };
}
