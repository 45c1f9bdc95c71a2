import { fileSource } from '../datastore/file/file-source.js';
import { objectReader } from '../datastore/file/read-objects.js';
import type { Source, SourceEvent } from '../datastore/source.js';
import { checkSelector } from '../selector/check-selector.js';
import type { Settings } from './settings.js';

/** The datastore that the settings name. */
export function openSource({ datastore }: Pick<Settings, 'datastore'>): Source {
  return fileSource(datastore.directory, { reader: objectReader(checkSelector) });
}

/** Everything that a datastore has now. Rejects with the reason if it can't be read. */
export async function readOnce(source: Source): Promise<SourceEvent[]> {
  const all: SourceEvent[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      source.start({
        events: (events) => void all.push(...events),
        inSync: resolve,
        connection: ({ connected, reason }) => {
          if (!connected) reject(new Error(`${source.url}: ${reason ?? 'can not be read'}`));
        },
      });
    });
  } finally {
    await source.stop();
  }
  return all;
}
