import { fileSource } from '../datastore/file/file-source.js';
import { objectReader } from '../datastore/file/read-objects.js';
import type { Source, SourceEvent } from '../datastore/source.js';
import type { Keep } from '../policy/remote-endpoints.js';
import { checkSelector } from '../selector/check-selector.js';
import { keptReader, keptSource } from './kept.js';
import type { Environment } from './settings/environment.js';
import { type EtcdSettings, etcdSettings } from './settings/etcd-settings.js';
import type { Settings } from './settings/settings-table.js';

/** The settings that say where resources come from. */
export type SourceSettings = Pick<Settings, 'datastore'> & EtcdSettings;

export interface SourceOptions {
  /** Told what the operator should know although nothing is missing because of it. */
  readonly warn?: (message: string) => void;
  /** What is kept of each resource. Default: all of it. */
  readonly keep?: Keep;
}

/** The datastore that the settings name. Rejects with SettingsError if they do not go together. */
export async function openSource(
  settings: SourceSettings,
  environment: Environment,
  { warn, keep = (resource) => resource }: SourceOptions = {},
): Promise<Source> {
  const { datastore } = settings;
  if (datastore.type === 'file') {
    return fileSource(datastore.directory, { reader: keptReader(objectReader(checkSelector), keep) });
  }
  // The libraries of a datastore are loaded only for those who need them.
  if (datastore.type === 'kubernetes') {
    const { kubernetesSource } = await import('../datastore/kubernetes/kubernetes-source.js');
    const { kubernetesOptions } = await import('./settings/kubernetes-options.js');
    return keptSource(kubernetesSource({ ...kubernetesOptions(datastore, environment, warn), checkSelector }), keep);
  }
  const options = etcdSettings(datastore, settings, environment);
  const { etcdClient } = await import('../datastore/etcd/etcd-client.js');
  const { etcdSource } = await import('../datastore/etcd/etcd-source.js');
  return keptSource(etcdSource({ url: datastore.url, client: etcdClient(options), checkSelector }), keep);
}

/** Everything that a datastore has now. Rejects with the reason if it can't be read, or must not be used. */
export async function readOnce(source: Source): Promise<SourceEvent[]> {
  const all: SourceEvent[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      source.start({
        events: (events) => void all.push(...events),
        inSync: resolve,
        connection: ({ connected, reason }) => {
          if (!connected || reason !== undefined) reject(new Error(`${source.url}: ${reason ?? 'can not be read'}`));
        },
      });
    });
  } finally {
    await source.stop();
  }
  return all;
}
