import type { StatusReporter } from '../datastore/etcd/etcd-reporter.js';
import type { SourceSettings } from './open-source.js';
import type { Environment } from './settings/environment.js';
import { etcdSettings } from './settings/etcd-settings.js';
import type { Settings } from './settings/settings-table.js';

/** What tells of the agent and its endpoints where Calico's does; undefined for a datastore where it does not. */
export async function openReporter(
  settings: SourceSettings & Pick<Settings, 'node'>,
  environment: Environment,
  problem: (reason: string | undefined) => void,
): Promise<StatusReporter | undefined> {
  const { datastore, node } = settings;
  if (datastore.type !== 'etcd') return undefined;
  const { etcdClient } = await import('../datastore/etcd/etcd-client.js');
  const { etcdReporter } = await import('../datastore/etcd/etcd-reporter.js');
  return etcdReporter({ node, client: etcdClient(etcdSettings(datastore, settings, environment)), problem });
}
