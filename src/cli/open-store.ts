import type { Client } from '../client/client.js';
import { type ClientOptions, calicoClient } from '../client/client.js';
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

/** The datastore that the settings name, to be read and written. */
export function openStore({ datastore }: Pick<Settings, 'datastore'>, { stderr }: Pick<Io, 'stderr'>): OpenStore {
  const onProblems = ({ file, problems }: Problems): void => {
    for (const { line, issue } of problems) {
      const place = issue.line ?? line;
      stderr.write(`margay: ${printable(`${file}${place === undefined ? '' : `:${place}`}: ${issue.message}`)}\n`);
    }
  };
  const store = fileStore(datastore.directory, { reader: objectReader(checkSelector), onProblems });
  return { store, clientOptions: { impliedTiers: true } };
}

/** Calls `work` with the client of the datastore; with `dryRun`, one that keeps to itself what it would write. */
export async function withClient<T>(
  settings: Pick<Settings, 'datastore'>,
  io: Pick<Io, 'stderr'>,
  { dryRun = false }: { readonly dryRun?: boolean },
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const { store, clientOptions } = openStore(settings, io);
  try {
    return await work(calicoClient(dryRun ? dryRunStore(store) : store, clientOptions));
  } finally {
    await store.close();
  }
}
