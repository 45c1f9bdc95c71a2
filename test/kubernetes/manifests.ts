import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import type { ApiClient } from '../../src/datastore/kubernetes/client/api-client.js';
import { ApiError } from '../../src/datastore/kubernetes/client/api-error.js';
import { mapIn, type Native, textIn } from '../../src/datastore/kubernetes/conversion/native.js';
import { isMap } from '../../src/resources/normalise.js';

/** The documents of a manifest in docs/kubernetes. */
export function manifest(name: string): readonly Native[] {
  const text = readFileSync(new URL(`../../docs/kubernetes/${name}`, import.meta.url), 'utf8');
  return parseAllDocuments(text)
    .map((document): unknown => document.toJS())
    .filter(isMap);
}

/** Creates the objects, one after the other, and waits until the kinds that they define are served. */
export async function load(client: ApiClient, documents: readonly Native[]): Promise<void> {
  for (const document of documents) await client.request({ method: 'POST', path: pathOf(document), body: document });
  for (const document of documents) if (document.kind === 'CustomResourceDefinition') await served(client, document);
}

/** Where objects of its kind are created. */
export function pathOf(document: Native): string {
  const version = textIn(document, 'apiVersion') ?? '';
  const namespace = textIn(mapIn(document, 'metadata'), 'namespace');
  const plural = pluralOf(textIn(document, 'kind') ?? '');
  const place = namespace === undefined ? '' : `namespaces/${namespace}/`;
  return `/${version.includes('/') ? 'apis' : 'api'}/${version}/${place}${plural}`;
}

function pluralOf(kind: string): string {
  return `${kind.toLowerCase()}s`.replace(/ys$/, 'ies');
}

async function served(client: ApiClient, definition: Native): Promise<void> {
  const spec = mapIn(definition, 'spec');
  const path = `/apis/${spec.group}/v1/${mapIn(spec, 'names').plural}`;
  for (;;) {
    try {
      await client.request({ path, query: { limit: 1 } });
      return;
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 404)) throw error;
      await pause(50);
    }
  }
}
