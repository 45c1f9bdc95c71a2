import { isMap } from '../../../resources/normalise.js';
import { calicoVersion } from './conversion.js';
import { listIn, mapIn, type Native, onlyTexts, parsedJson, present, textIn, textsIn } from './native.js';
import { reverseUid } from './reverse-uid.js';

/** Which of Calico's two API groups keeps its resources. */
export type ApiGroup = 'crd.projectcalico.org/v1' | 'projectcalico.org/v3';

/** The older group: what it stores is not quite what users write. */
const storageGroup: ApiGroup = 'crd.projectcalico.org/v1';
const metadataAnnotation = 'projectcalico.org/metadata';

/** Kinds whose names are kept in the annotation, because the name of the stored object may be another one. */
const namedInAnnotation: ReadonlySet<string> = new Set([
  'NetworkPolicy',
  'GlobalNetworkPolicy',
  'StagedNetworkPolicy',
  'StagedGlobalNetworkPolicy',
]);

/** Whether two stored objects of the kind can be the same object of Calico. */
export function mayClash(kind: string, group: ApiGroup): boolean {
  return group === storageGroup && namedInAnnotation.has(kind);
}

/**
 * The object of Calico that is stored as a custom resource of Kubernetes. In `crd.projectcalico.org/v1` its metadata are in an
 * annotation, and its uid is another one. A text says why it can't be read.
 */
export function fromStored(stored: Native, kind: string, group: ApiGroup): Native | string {
  const value = withTierDefaults({ ...stored, apiVersion: calicoVersion, kind });
  if (group !== storageGroup) return value;
  const native = mapIn(stored, 'metadata');
  const { [metadataAnnotation]: text, ...others } = textsIn(native, 'annotations');
  const uid = textIn(native, 'uid');
  const own = uid === undefined ? native : { ...native, uid: reverseUid(uid) };
  if (text === undefined) return { ...value, metadata: own };
  const kept = parsedJson(text);
  if (!isMap(kept)) return `the annotation ${metadataAnnotation} is no map in JSON`;
  const metadata = {
    ...kept,
    name: textIn(kept, 'name') ?? ownName(native, kind, stored),
    namespace: native.namespace,
    resourceVersion: native.resourceVersion,
    uid: own.uid,
    creationTimestamp: textIn(kept, 'creationTimestamp') ?? native.creationTimestamp,
    labels: unlessEmpty({ ...textsIn(native, 'labels'), ...textsIn(kept, 'labels') }),
    annotations: unlessEmpty({ ...others, ...textsIn(kept, 'annotations') }),
    ownerReferences: owners(kept, (version) => version === storageGroup || version === calicoVersion, calicoVersion),
  };
  return { ...value, metadata: present(metadata) };
}

/** What to store for an object of Calico: the other way round. */
export function toStored(object: Native, kind: string, group: ApiGroup): Native {
  const metadata = mapIn(object, 'metadata');
  const base = { ...object, apiVersion: group, kind };
  if (group !== storageGroup) return base;
  const { name, namespace, resourceVersion, uid, managedFields: _, ...rest } = metadata;
  const kept = {
    ...(namedInAnnotation.has(kind) ? { name } : {}),
    ...rest,
    creationTimestamp: metadata.creationTimestamp ?? null,
    ownerReferences: owners(metadata, (version) => version === calicoVersion, storageGroup),
  };
  return {
    ...base,
    metadata: present({
      name,
      namespace,
      resourceVersion,
      uid: typeof uid === 'string' && uid !== '' ? reverseUid(uid) : undefined,
      labels: unlessEmpty(ours(textsIn(metadata, 'labels'))),
      annotations: { ...ours(textsIn(metadata, 'annotations')), [metadataAnnotation]: JSON.stringify(kept) },
    }),
  };
}

/** Older clients stored policies of the default tier with the tier before the name, and the name nowhere else. */
function ownName(metadata: Native, kind: string, stored: Native): string {
  const name = textIn(metadata, 'name') ?? '';
  const tier = textIn(mapIn(stored, 'spec'), 'tier') ?? 'default';
  return namedInAnnotation.has(kind) && tier === 'default' ? name.replace(/^default\./, '') : name;
}

/** A tier without order or action has these, as Calico reads it from Kubernetes. */
function withTierDefaults(value: Native): Native {
  if (value.kind !== 'Tier') return value;
  const spec = mapIn(value, 'spec');
  return { ...value, spec: { ...spec, order: spec.order ?? 1_000_000, defaultAction: spec.defaultAction ?? 'Deny' } };
}

/** Owners of Calico's kinds have another uid in the other form. */
function owners(metadata: Native, isOurs: (version: unknown) => boolean, version: string): Native[] | undefined {
  const references = listIn(metadata, 'ownerReferences').filter(isMap);
  if (references.length === 0) return undefined;
  return references.map((reference) =>
    isOurs(reference.apiVersion)
      ? { ...reference, apiVersion: version, uid: reverseUid(textIn(reference, 'uid') ?? '') }
      : reference,
  );
}

/** Labels and annotations that Calico may look for in what is stored. */
function ours(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return onlyTexts(
    Object.fromEntries(
      Object.entries(texts).filter(([key]) => /projectcalico\.org\/|operator\.tigera\.io\//.test(key)),
    ),
  );
}

function unlessEmpty(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> | undefined {
  return Object.keys(texts).length > 0 ? texts : undefined;
}
