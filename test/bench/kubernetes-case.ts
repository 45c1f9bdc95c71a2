import { tokenCredentials } from '../../src/datastore/kubernetes/client/credentials.js';
import { kubernetesSource } from '../../src/datastore/kubernetes/kubernetes-source.js';
import type { Parsed } from '../../src/resources/resource.js';
import { keyText } from '../../src/resources/resource.js';
import { checkSelector } from '../../src/selector/check-selector.js';

/** What it took to follow a cluster until all was known. */
export interface KubernetesCase {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMB: number;
  readonly heapMB: number;
  readonly objects: number;
}

const [server = '', token = ''] = process.argv.slice(2);
const kept = new Map<string, Parsed>();
const began = performance.now();
const source = kubernetesSource({
  url: 'kubernetes:',
  access: async () => ({
    server,
    tls: { rejectUnauthorized: false },
    credentials: tokenCredentials(token),
    warnings: [],
  }),
  checkSelector,
});
await new Promise<void>((resolve) => {
  source.start({
    // As the agent does: what counts is kept.
    events(events) {
      for (const event of events) if (event.type === 'update') kept.set(keyText(event.key), event.parsed);
    },
    inSync: resolve,
    connection: () => undefined,
  });
});
const seconds = (performance.now() - began) / 1000;
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
globalThis.gc?.();
const result: KubernetesCase = {
  seconds,
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
  peakMB: (maxRSS * 1024) / 1e6,
  heapMB: process.memoryUsage().heapUsed / 1e6,
  objects: kept.size,
};
process.stdout.write(JSON.stringify(result));
await source.stop();
