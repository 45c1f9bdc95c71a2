import { type Client, type ClientOptions, calicoClient } from '../client/client.js';
import { dryRunStore } from '../client/dry-run-store.js';
import { fileStore } from '../datastore/file/file-store.js';
import { objectReader } from '../datastore/file/read-objects.js';
import type { Problems } from '../datastore/source.js';
import type { Store } from '../datastore/store.js';
import { checkSelector } from '../selector/check-selector.js';
import type { Io } from './io.js';
import type { SourceSettings } from './open-source.js';
import { printable } from './printable.js';
import { etcdSettings } from './settings/etcd-settings.js';

/** A store, and how Calico's client treats such a datastore. */
export interface OpenStore {
  readonly store: Store;
  readonly clientOptions: ClientOptions;
}

export interface OpenStoreOptions {
  /** Many objects may be written, one after the other. */
  readonly writes: boolean;
}

/** The datastore that the settings name, to be read and written. Rejects with SettingsError if they do not go together. */
export async function openStore(
  settings: SourceSettings,
  { writes }: OpenStoreOptions,
  { stderr, environment }: Pick<Io, 'stderr' | 'environment'>,
): Promise<OpenStore> {
  const { datastore } = settings;
  if (datastore.type === 'kubernetes') {
    const { kubernetesStore } = await import('../datastore/kubernetes/store/kubernetes-store.js');
    const { kubernetesOptions } = await import('./settings/kubernetes-options.js');
    const warn = (message: string): void => void stderr.write(`margay: ${printable(message)}\n`);
    const store = kubernetesStore(kubernetesOptions(datastore, environment, warn));
    return { store, clientOptions: { initialisation: { clusterType: 'kdd' } } };
  }
  if (datastore.type === 'etcd') {
    const options = etcdSettings(datastore, settings, environment);
    // gRPC is loaded only for those who need it.
    const { etcdClient } = await import('../datastore/etcd/etcd-client.js');
    const { etcdStore } = await import('../datastore/etcd/etcd-store.js');
    const store = etcdStore({ url: datastore.url, client: etcdClient(options) });
    return { store, clientOptions: { initialisation: {} } };
  }
  const onProblems = (problems: Problems): void => {
    for (const line of problemLines(problems)) stderr.write(`margay: ${printable(line)}\n`);
  };
  const recentMs = writes ? 1000 : 0;
  const store = fileStore(datastore.directory, { reader: objectReader(checkSelector), onProblems, recentMs });
  return { store, clientOptions: { impliedTiers: true } };
}

/** Calls `work` with the client of the datastore; with `dryRun`, one that keeps to itself what it would write. */
export async function withClient<T>(
  settings: SourceSettings,
  io: Pick<Io, 'stderr' | 'environment'>,
  { writes, dryRun = false }: OpenStoreOptions & { readonly dryRun?: boolean },
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const { store, clientOptions } = await openStore(settings, { writes }, io);
  try {
    return await work(calicoClient(dryRun ? dryRunStore(store) : store, clientOptions));
  } finally {
    await store.close();
  }
}

function problemLines({ file, problems }: Problems): string[] {
  return problems.map(({ line, issue }) => {
    const at = issue.line ?? line;
    return `${file}${at === undefined ? '' : `:${at}`}: ${issue.message}`;
  });
}
