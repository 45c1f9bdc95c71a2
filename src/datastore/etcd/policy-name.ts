import type { Kind } from '../../resources/kinds.js';
import { isMap } from '../../resources/normalise.js';
import { parseJson } from './parse-json.js';

/** Where Calico keeps what it needs to give an object back as it was written. */
const METADATA = 'projectcalico.org/metadata';

/** What Calico put before the names of policies of the tier `default`, up to version 3.29. */
const DEFAULT_PREFIX = 'default.';

const namedInAnnotation: ReadonlySet<string> = new Set<Kind>([
  'NetworkPolicy',
  'GlobalNetworkPolicy',
  'StagedNetworkPolicy',
  'StagedGlobalNetworkPolicy',
]);

type Fields = Readonly<Record<string, unknown>>;

/** Whether objects of the kind may be kept under another name than their own. */
export function mayBeRenamed(kind: string): boolean {
  return namedInAnnotation.has(kind);
}

/** The metadata of an object as it is stored: policies have their name in an annotation, too. */
export function metadataToStore(kind: string, metadata: Fields): Fields {
  if (!mayBeRenamed(kind)) return metadata;
  const annotations = isMap(metadata.annotations) ? metadata.annotations : {};
  return { ...metadata, annotations: { ...annotations, [METADATA]: JSON.stringify({ name: metadata.name }) } };
}

/** The metadata of a stored object as it was written. Undefined: the annotation is no JSON. */
export function metadataAsWritten(kind: string, metadata: Fields, spec: unknown): Fields | undefined {
  if (!mayBeRenamed(kind)) return metadata;
  const { annotations, ...others } = metadata;
  const kept = isMap(annotations) ? annotations : {};
  const { [METADATA]: annotation, ...rest } = kept;
  const withoutIt = { ...others, ...(Object.keys(rest).length > 0 && { annotations: rest }) };
  if (typeof annotation !== 'string' || annotation === '') {
    const tier = isMap(spec) ? (spec.tier ?? '') : '';
    const isDefault = tier === 'default' || tier === '';
    return { ...withoutIt, name: isDefault ? withoutPrefix(metadata.name) : metadata.name };
  }
  const name = nameIn(annotation);
  return name === undefined ? undefined : { ...withoutIt, name };
}

/** The name that an object under `default.NAME` may have, if it is one. */
export function shortNameOf(name: string): string | undefined {
  return name.startsWith(DEFAULT_PREFIX) && name.length > DEFAULT_PREFIX.length ? withoutPrefix(name) : undefined;
}

/** Under which name an old Calico kept a policy. */
export function longNameOf(name: string): string {
  return `${DEFAULT_PREFIX}${name}`;
}

function withoutPrefix<Name>(name: Name): Name | string {
  return typeof name === 'string' && name.startsWith(DEFAULT_PREFIX) ? name.slice(DEFAULT_PREFIX.length) : name;
}

function nameIn(annotation: string): string | undefined {
  const value = parseJson(Buffer.from(annotation));
  return isMap(value) && typeof value.name === 'string' ? value.name : undefined;
}
