import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { objectReader } from '../../src/datastore/file/read-objects.js';
import type { FileObject } from '../../src/datastore/file/reader.js';
import type { Interfaces } from '../../src/interfaces/interface-source.js';
import { interfacesFromJson } from '../../src/interfaces/parse-addresses.js';
import { parseResource } from '../../src/resources/parse-resource.js';
import { readDocuments } from '../../src/resources/read-documents.js';
import { checkSelector } from '../../src/selector/check-selector.js';

/**
 * A directory with `policy.yaml`, `host.json` and `expected.nft`; where it takes Kubernetes, with `derived.yaml`, too: objects of
 * kinds that only its datastore yields.
 */
export interface Scenario {
  readonly name: string;
  readonly node: string;
  readonly interfaces: Interfaces;
  /** Valid or not. */
  readonly objects: readonly FileObject[];
  /** Undefined before it is written for the first time. */
  readonly expected: string | undefined;
  /** Makes this what is expected. */
  accept(script: string): void;
}

const DIRECTORY = fileURLToPath(new URL('scenarios', import.meta.url));

/** All scenarios, by name. */
export function scenarios(): Scenario[] {
  return readdirSync(DIRECTORY).sort().map(readScenario);
}

function readScenario(name: string): Scenario {
  const path = (file: string) => join(DIRECTORY, name, file);
  const host: { node: string; interfaces: unknown } = JSON.parse(readFileSync(path('host.json'), 'utf8'));
  const content = objectReader(checkSelector)(readFileSync(path('policy.yaml'), 'utf8'), 'yaml', 'policy.yaml');
  if (content.unreadable) throw new Error(`${path('policy.yaml')}: ${JSON.stringify(content.problems)}`);
  return {
    name,
    node: host.node,
    interfaces: interfacesFromJson(JSON.stringify(host.interfaces)),
    objects: [...content.objects, ...derivedObjects(path('derived.yaml'))],
    expected: existsSync(path('expected.nft')) ? readFileSync(path('expected.nft'), 'utf8') : undefined,
    accept: (script) => writeFileSync(path('expected.nft'), script),
  };
}

function derivedObjects(path: string): FileObject[] {
  if (!existsSync(path)) return [];
  return readDocuments(readFileSync(path, 'utf8'), 'yaml').map(({ line, value }) => {
    const { key, parsed } = parseResource(value, { unknownFields: 'error', defaults: 'none', checkSelector });
    if (key === undefined) throw new Error(`${path}:${line}: ${JSON.stringify(parsed)}`);
    return { key, line, parsed };
  });
}
