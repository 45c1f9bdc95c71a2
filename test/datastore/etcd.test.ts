import t, { type Test } from 'tap';
import type { EtcdSourceOptions } from '../../src/datastore/etcd/etcd-source.js';
import { type EtcdServer, etcdMissing, startCluster, startEtcd } from '../lab/etcd.js';
import { startProxy } from '../lab/tcp-proxy.js';
import { clientOf, clusterInformation, keyOf, QUICK_SERVER, sourceOf, writerOf } from './etcd-world.js';
import { followSource } from './follow-source.js';
import { set, sourceContract } from './source-contract.js';

const missing = etcdMissing();
const skip = missing === undefined ? {} : { skip: missing };

const portOf = (url: string) => Number(new URL(url).port);

async function server(t: Test, options = {}): Promise<EtcdServer> {
  const started = await startEtcd({ args: QUICK_SERVER, ...options });
  t.teardown(() => started.close());
  return started;
}

function follow(t: Test, urls: readonly string[], times?: EtcdSourceOptions['times']) {
  const source = sourceOf(clientOf(urls), times);
  t.teardown(() => source.stop());
  return { source, ...followSource(source) };
}

t.test('the contract of sources', skip, async (t) => {
  const etcd = await server(t);
  const writer = writerOf(etcd);
  sourceContract(t, async () => {
    const proxy = await startProxy(portOf(etcd.url));
    await writer.clear();
    await writer.ready();
    return {
      source: () => sourceOf(clientOf([`http://127.0.0.1:${proxy.port}`])),
      put: writer.put,
      delete: writer.delete,
      putGarbage: (key) => writer.putRaw(keyOf(key), '{"kind": '),
      putUnknown: () => writer.putRaw('/calico/resources/v3/projectcalico.org/ippools/pool', '{"kind":"IPPool"}'),
      cut: proxy.cut,
      restore: proxy.restore,
      close: proxy.close,
    };
  });
});
