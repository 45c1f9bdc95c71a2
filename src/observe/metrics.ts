import { createRequire } from 'node:module';
import type * as Prometheus from 'prom-client';
import { type MetricId, type MetricsTable, metricsTable } from './metrics-table.js';

export interface Gauge<Label extends string> {
  set(value: number, labels?: Readonly<Record<Label, string>>): void;
  /** All series of a gauge with one label at once: the label's value to the gauge's; others vanish. */
  replace(values: Readonly<Record<string, number>>): void;
}

export interface Counter<Label extends string> {
  inc(value?: number, labels?: Readonly<Record<Label, string>>): void;
}

export interface Summary<Label extends string> {
  /** Times in seconds. */
  observe(value: number, labels?: Readonly<Record<Label, string>>): void;
}

type Labels<Id extends MetricId> = MetricsTable[Id] extends { readonly labels: readonly (infer Label extends string)[] }
  ? Label
  : never;

/** The metrics by id, each with what its type can do. */
export type Metrics = {
  readonly [Id in MetricId]: {
    readonly gauge: Gauge<Labels<Id>>;
    readonly counter: Counter<Labels<Id>>;
    readonly summary: Summary<Labels<Id>>;
  }[MetricsTable[Id]['type']];
};

/** What a scrape gets. */
export interface Exposition {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Metrics that nobody reads. */
export function silentMetrics(): Metrics {
  const silent = { set: () => undefined, replace: () => undefined, inc: () => undefined, observe: () => undefined };
  return Object.fromEntries(Object.keys(metricsTable).map((id) => [id, silent])) as unknown as Metrics;
}

/** Metrics in a registry of their own. Loads prom-client, hence only for a daemon whose metrics are on. */
export function createMetrics(): { readonly metrics: Metrics; readonly exposition: Exposition } {
  const client = loadClient();
  const registry = new client.Registry();
  const entries = Object.entries(metricsTable).map(([id, definition]) => {
    const labelNames: readonly string[] = 'labels' in definition ? definition.labels : [];
    const config = { name: definition.name, help: definition.help, labelNames: [...labelNames], registers: [registry] };
    return [id, metric(client, definition.type, config)] as const;
  });
  addProcessMetrics(client, registry);
  return {
    metrics: Object.fromEntries(entries) as unknown as Metrics,
    exposition: { contentType: registry.contentType, text: () => registry.metrics() },
  };
}

interface Config {
  name: string;
  help: string;
  labelNames: string[];
  registers: Prometheus.Registry[];
}

type Client = Pick<typeof Prometheus, 'Registry' | 'Gauge' | 'Counter' | 'Summary'>;

/** Not prom-client's index: its default metrics load OpenTelemetry, 11 MB instead of 1 MB. */
function loadClient(): Client {
  const require = createRequire(import.meta.url);
  return {
    Registry: require('prom-client/lib/registry'),
    Gauge: require('prom-client/lib/gauge'),
    Counter: require('prom-client/lib/counter'),
    Summary: require('prom-client/lib/summary'),
  };
}

function metric(client: Client, type: 'gauge' | 'counter' | 'summary', config: Config): unknown {
  if (type === 'gauge') return gauge(new client.Gauge(config));
  if (type === 'counter') {
    const counter = new client.Counter(config);
    return { inc: (value = 1, labels = {}) => counter.inc(labels, value) } satisfies Counter<string>;
  }
  // Felix's quantiles; those of the last ten minutes.
  const summary = new client.Summary({ ...config, percentiles: [0.5, 0.9, 0.99], maxAgeSeconds: 600, ageBuckets: 5 });
  return { observe: (value, labels = {}) => summary.observe(labels, value) } satisfies Summary<string>;
}

function gauge(metric: Prometheus.Gauge): Gauge<string> {
  const [label] = (metric as unknown as { labelNames: readonly string[] }).labelNames;
  return {
    set: (value, labels = {}) => metric.set(labels, value),
    replace: (values) => {
      metric.reset();
      for (const [key, value] of Object.entries(values)) metric.set(label === undefined ? {} : { [label]: key }, value);
    },
  };
}

/** The usual metrics of a process that do not need prom-client's own collectors. */
function addProcessMetrics(client: Client, registry: Prometheus.Registry): void {
  const registers = [registry];
  new client.Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the daemon, without children.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new client.Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the daemon, without children.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  const started = new client.Gauge({
    name: 'process_start_time_seconds',
    help: 'When the daemon was started (Unix time).',
    registers,
  });
  started.set(Math.round(Date.now() / 1000 - process.uptime()));
}
