import { type Client, type ClientOptions, calicoClient } from '../client/client.js';
import { dryRunStore } from '../client/dry-run-store.js';
import { fileStore } from '../datastore/file/file-store.js';
import { objectReader } from '../datastore/file/read-objects.js';
import type { Problems } from '../datastore/source.js';
import type { Store } from '../datastore/store.js';
import { checkSelector } from '../selector/check-selector.js';
import type { Io } from './io.js';
import { printable } from './printable.js';
import type { Settings } from './settings.js';

/** A store, and how Calico's client treats such a datastore. */
export interface OpenStore {
  readonly store: Store;
  readonly clientOptions: ClientOptions;
}

export interface OpenStoreOptions {
  /** Many objects may be written, one after the other. */
  readonly writes: boolean;
}

/** The settings that say where objects are. */
export type StoreSettings = Pick<Settings, 'datastore'>;

/** The datastore that the settings name, to be read and written; the place where a new type of datastore is added. */
export async function openStore(
  { datastore }: StoreSettings,
  { writes }: OpenStoreOptions,
  { stderr }: Pick<Io, 'stderr' | 'environment'>,
): Promise<OpenStore> {
  switch (datastore.type) {
    case 'file': {
      const onProblems = (problems: Problems): void => {
        for (const line of problemLines(problems)) stderr.write(`margay: ${printable(line)}\n`);
      };
      const recentMs = writes ? 1000 : 0;
      const store = fileStore(datastore.directory, { reader: objectReader(checkSelector), onProblems, recentMs });
      return { store, clientOptions: { impliedTiers: true } };
    }
  }
}

/** Calls `work` with the client of the datastore; with `dryRun`, one that keeps to itself what it would write. */
export async function withClient<T>(
  settings: StoreSettings,
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
