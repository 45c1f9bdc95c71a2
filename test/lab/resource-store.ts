import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A resource without its apiVersion. */
export interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly spec: object;
}

/** A directory as the file datastore reads it: a file for each resource. */
export interface ResourceStore {
  readonly directory: string;
  /** Creates or replaces some. */
  put(...resources: readonly Resource[]): void;
  delete(kind: string, name: string): void;
  /** Afterwards there are these and no others. */
  replaceAll(...resources: readonly Resource[]): void;
}

export function createResourceStore(directory: string): ResourceStore {
  mkdirSync(directory, { recursive: true });
  const fileOf = (kind: string, name: string) => `${kind}-${name}.json`;
  const put = (resource: Resource) => {
    const path = join(directory, fileOf(resource.kind, resource.metadata.name));
    // By rename, as an operator's tools would: the agent must never see half a file.
    writeFileSync(`${path}.new`, JSON.stringify({ apiVersion: 'projectcalico.org/v3', ...resource }, null, 2));
    renameSync(`${path}.new`, path);
  };
  return {
    directory,
    put: (...resources) => resources.forEach(put),
    delete: (kind, name) => rmSync(join(directory, fileOf(kind, name))),
    replaceAll: (...resources) => {
      const wanted = new Set(resources.map(({ kind, metadata }) => fileOf(kind, metadata.name)));
      for (const file of readdirSync(directory)) if (!wanted.has(file)) rmSync(join(directory, file));
      resources.forEach(put);
    },
  };
}
