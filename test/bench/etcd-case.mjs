// etcd-case.mjs URL EVENTS: follows etcd with the built program's source and keeps nothing of what it is told. Prints a line of
// JSON when it is in sync, and another one EVENTS later.

import { parseEndpoint } from '../../dist/datastore/etcd/endpoint.js';
import { etcdClient } from '../../dist/datastore/etcd/etcd-client.js';
import { etcdSource } from '../../dist/datastore/etcd/etcd-source.js';
import { checkSelector } from '../../dist/selector/check-selector.js';

const [, , url = '', events = '0'] = process.argv;
const { value } = parseEndpoint(url);
const client = etcdClient({ endpoints: async () => [value], access: async () => ({}) });
const source = etcdSource({ url, client, checkSelector });
let began = performance.now();
let before = process.cpuUsage();
let objects = 0;
let isSynced = false;

function tell() {
  const { user, system } = process.cpuUsage(before);
  const peakMB = (process.resourceUsage().maxRSS * 1024) / 1e6;
  const seconds = (performance.now() - began) / 1000;
  globalThis.gc();
  const heapMB = process.memoryUsage().heapUsed / 1e6;
  console.log(JSON.stringify({ objects, seconds, cpuSeconds: (user + system) / 1e6, peakMB, heapMB }));
  objects = 0;
  began = performance.now();
  before = process.cpuUsage();
}

source.start({
  events(batch) {
    objects += batch.length;
    if (!isSynced || objects < Number(events)) return;
    tell();
    void source.stop();
  },
  inSync() {
    isSynced = true;
    tell();
    if (events === '0') void source.stop();
  },
  connection({ reason }) {
    if (reason !== undefined) console.error(reason);
  },
});
