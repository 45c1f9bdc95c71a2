import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { clientOf, clusterInformation, keyOf } from '../datastore/etcd-world.js';
import { etcdMissing, startEtcd } from '../lab/etcd.js';
import { workload } from './data-set.js';
import { type Figure, figure } from './figure.js';
import type { Section } from './section.js';

interface CaseResult {
  readonly objects: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMB: number;
  readonly heapMB: number;
}

/** etcd takes 128 operations in one transaction. */
const BATCH = 100;

export const etcd: Section = {
  name: 'etcd',
  help: 'the etcd datastore alone: reading workload endpoints for the first time, and following changes of all of them',
  needsRoot: false,
  async run({ quick }) {
    const reason = etcdMissing();
    if (reason !== undefined) throw new Error(reason);
    const count = quick ? 2000 : 50_000;
    const server = await startEtcd();
    const client = clientOf([server.url]);
    try {
      await putWorkloads(client, count);
      const [snapshots, watches]: [CaseResult[], CaseResult[]] = [[], []];
      for (let run = 0; run < (quick ? 1 : 5); run++) {
        const [snapshot, watch] = await follow(client, server.url, count);
        snapshots.push(snapshot);
        watches.push(watch);
      }
      const title = `${count} workload endpoints`;
      return [...figuresOf(`${title}: first reading`, snapshots), ...figuresOf(`${title}: each changed once`, watches)];
    } finally {
      client.close();
      await server.close();
    }
  },
};

async function putWorkloads(client: ReturnType<typeof clientOf>, count: number): Promise<void> {
  const put = (object: Parameters<typeof keyOf>[0], value: object) => ({
    requestPut: { key: keyOf(object), value: Buffer.from(JSON.stringify(value)) },
  });
  const info = clusterInformation(true);
  const ready = put({ kind: info.kind, name: info.metadata.name }, info);
  await client.txn({ compare: [], success: [ready], failure: [] });
  for (let start = 0; start < count; start += BATCH) {
    const success = Array.from({ length: Math.min(BATCH, count - start) }, (_, index) => {
      const { kind, metadata, ...fields } = workload(start + index);
      const { namespace = 'default', name } = metadata;
      return put({ kind, namespace, name }, { kind, metadata, ...fields });
    });
    await client.txn({ compare: [], success, failure: [] });
  }
}

/** A process of its own, for the sake of its memory: it reads everything, then all is written again. */
async function follow(
  client: ReturnType<typeof clientOf>,
  url: string,
  count: number,
): Promise<readonly [CaseResult, CaseResult]> {
  const script = fileURLToPath(new URL('./etcd-case.mjs', import.meta.url));
  const child = execa(process.execPath, ['--expose-gc', script, url, String(count)], { lines: true });
  const lines = child.iterable();
  const next = async (): Promise<CaseResult> => JSON.parse(String((await lines.next()).value));
  const snapshot = await next();
  await putWorkloads(client, count);
  const watch = await next();
  await child;
  return [snapshot, watch];
}

function figuresOf(what: string, results: readonly CaseResult[]): Figure[] {
  const of = (name: string, unit: string, value: (result: CaseResult) => number) =>
    figure('etcd', `${what}${name}`, unit, results.map(value));
  return [
    of('', 's', ({ seconds }) => seconds),
    of(': CPU time', 's', ({ cpuSeconds }) => cpuSeconds),
    of(': most memory', 'MB', ({ peakMB }) => peakMB),
    of(': heap afterwards', 'MB', ({ heapMB }) => heapMB),
  ];
}
