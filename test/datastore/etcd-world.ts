import { type Endpoint, parseEndpoint } from '../../src/datastore/etcd/endpoint.js';
import { type EtcdClientOptions, etcdClient } from '../../src/datastore/etcd/etcd-client.js';
import { type EtcdSourceOptions, etcdSource } from '../../src/datastore/etcd/etcd-source.js';
import { pathOf } from '../../src/datastore/etcd/resource-path.js';
import type { Source } from '../../src/datastore/source.js';
import { kindOf } from '../../src/resources/kinds.js';
import type { ObjectKey } from '../../src/resources/resource.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import type { EtcdServer } from '../lab/etcd.js';
import type { ApiObject } from './source-contract.js';

/** Times that make faults short. The server must allow such a keepalive: `QUICK_SERVER`. */
export const QUICK = { connectMs: 500, keepaliveMs: 300, keepaliveTimeoutMs: 200, answerMs: 5000 };
export const QUICK_SERVER = ['--grpc-keepalive-min-time', '100ms'];

export function endpoint(url: string): Endpoint {
  const parsed = parseEndpoint(url);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

/** A client of these URLs, beginning with the first. */
export function clientOf(urls: readonly string[], access: Awaited<ReturnType<EtcdClientOptions['access']>> = {}) {
  return etcdClient({
    endpoints: async () => urls.map(endpoint),
    access: async () => access,
    times: QUICK,
    first: () => 0,
  });
}

export function sourceOf(
  client: EtcdSourceOptions['client'],
  times: EtcdSourceOptions['times'] = { graceMs: 100, retryMs: 20, longestRetryMs: 100, firstAnswerMs: 500 },
): Source {
  return etcdSource({ url: 'etcd:test', client, checkSelector, times });
}

/** Writes as anybody may write, by etcd's JSON gateway. */
export function writerOf(server: EtcdServer) {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const put = (key: string, value: string) => ({ requestPut: { key: base64(key), value: base64(value) } });
  const txn = async (operations: readonly object[]) => {
    // etcd takes 128 in one transaction.
    for (let start = 0; start < operations.length; start += 100)
      await server.request('kv/txn', { success: operations.slice(start, start + 100) });
  };
  const writer = {
    put: (...objects: readonly ApiObject[]) =>
      txn(objects.map((object) => put(keyOf({ ...object.metadata, kind: object.kind }), JSON.stringify(object)))),
    /** Any key and value. */
    putRaw: (key: string, value: string) => txn([put(key, value)]),
    delete: (...keys: readonly ObjectKey[]) =>
      txn(keys.map((key) => ({ requestDeleteRange: { key: base64(keyOf(key)) } }))),
    ready: (datastoreReady = true) => writer.put(clusterInformation(datastoreReady)),
    clear: () => txn([{ requestDeleteRange: { key: base64('/'), rangeEnd: base64('0') } }]),
    /** The value under a key. */
    async read(key: string): Promise<string | undefined> {
      const { kvs } = await server.request('kv/range', { key: base64(key) });
      const [kv] = Array.isArray(kvs) ? kvs : [];
      return kv === undefined ? undefined : Buffer.from(kv.value ?? '', 'base64').toString();
    },
    async revision(): Promise<number> {
      const { header } = await server.request('kv/range', { key: base64('/') });
      return typeof header === 'object' && header !== null ? Number(Reflect.get(header, 'revision')) : 0;
    },
    /** Forgets everything before now. */
    compact: async () =>
      void (await server.request('kv/compaction', { revision: await writer.revision(), physical: true })),
  };
  return writer;
}

export function keyOf(key: ObjectKey): string {
  const kind = kindOf(key.kind)?.kind;
  return kind === undefined
    ? `/calico/resources/v3/projectcalico.org/${key.kind.toLowerCase()}s/${key.name}`
    : pathOf({ ...key, kind });
}

export function clusterInformation(datastoreReady?: boolean): ApiObject {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'ClusterInformation',
    metadata: { name: 'default' },
    spec: { clusterGUID: '0123456789abcdef', datastoreReady },
  };
}
