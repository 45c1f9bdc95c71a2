import { once } from 'node:events';
import { hostEndpointController } from '../../controller/host-endpoint-controller.js';
import { createLog } from '../../observe/log.js';
import { checkSelector } from '../../selector/check-selector.js';
import type { Io } from '../io.js';
import type { Settings } from '../settings/settings.js';
import { SettingsError } from '../settings/settings-error.js';

/**
 * `margay controller auto-hostendpoints`: keeps a host endpoint for each node of a cluster, in the foreground, until SIGTERM or
 * SIGINT. What it has made stays.
 */
export async function autoHostEndpoints(
  { datastore, logLevel, logFormat }: Pick<Settings, 'datastore' | 'logLevel' | 'logFormat'>,
  { stdout, environment }: Io,
): Promise<number> {
  if (datastore.type !== 'kubernetes') {
    const message = `host endpoints can be kept for the nodes of a cluster only: kubernetes:[KUBECONFIG], not ${datastore.url}`;
    throw new SettingsError([{ source: '--datastore', message }]);
  }
  const stopping = new AbortController();
  const signals = Promise.race(
    ['SIGTERM', 'SIGINT'].map(async (signal) => {
      await once(process, signal, { signal: stopping.signal });
      return signal;
    }),
  );
  const log = await createLog({
    level: logLevel,
    format: logFormat,
    terminal: stdout.isTTY ?? false,
    journalStream: environment.JOURNAL_STREAM,
  });
  const warn = (message: string): void => log.warn(message);
  const { kubernetesStore } = await import('../../datastore/kubernetes/store/kubernetes-store.js');
  const { kubernetesOptions } = await import('../settings/kubernetes-options.js');
  const { kubernetesSource } = await import('../../datastore/kubernetes/kubernetes-source.js');
  const cluster = kubernetesOptions(datastore, environment, warn);
  const store = kubernetesStore(cluster);
  const source = kubernetesSource({ ...cluster, checkSelector, kinds: ['Node', 'HostEndpoint'] });
  const controller = hostEndpointController({ source, store, log });
  log.info({ datastore: datastore.url }, 'margay controller starts');
  controller.start();
  const signal = await signals;
  stopping.abort();
  log.info({ reason: signal }, 'margay controller stops; host endpoints stay');
  await controller.stop();
  await store.close();
  return 0;
}
