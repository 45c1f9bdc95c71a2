import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { listIn, mapIn, type Native, numberIn, textIn } from '../../../src/datastore/kubernetes/conversion/native.js';
import { isMap } from '../../../src/resources/normalise.js';
import type { ApiResource, Target } from './api-resources.js';
import { checkSchema } from './check-schema.js';
import { keyOfObject, type ObjectStore } from './object-store.js';
import { FakeStatus, notFound } from './status.js';

/** What a write is about. */
export interface Write {
  readonly store: ObjectStore;
  readonly resource: ApiResource;
  readonly target: Target;
  readonly body: Native;
}

export function createObject({ store, resource, target, body }: Write): Native {
  if (target.namespace !== undefined && store.get('/namespaces', `/${target.namespace}`) === undefined)
    throw notFound('namespaces', target.namespace);
  const metadata = mapIn(body, 'metadata');
  if (textIn(metadata, 'resourceVersion') !== undefined)
    throw new FakeStatus(500, 'InternalError', 'resourceVersion should not be set on objects to be created');
  const own = {
    ...metadata,
    ...(target.namespace === undefined ? {} : { namespace: target.namespace }),
    uid: randomUUID(),
    creationTimestamp: now(),
    generation: 1,
  };
  const object = checked(resource, { ...body, metadata: own });
  const key = keyOfObject(object);
  const { plural } = resource;
  if (store.get(storeKey(resource), key) !== undefined)
    throw new FakeStatus(409, 'AlreadyExists', `${plural} "${textIn(own, 'name')}" already exists`);
  return store.put(storeKey(resource), key, defaulted(resource, object, undefined));
}

export function updateObject({ store, resource, target, body }: Write): Native {
  const key = `${target.namespace ?? ''}/${target.name}`;
  const before = store.get(storeKey(resource), key);
  if (before === undefined) throw notFound(resource.plural, target.name ?? '');
  const given = mapIn(body, 'metadata');
  const known = mapIn(before, 'metadata');
  const version = textIn(given, 'resourceVersion');
  if (version === undefined && resource.schema !== undefined)
    throw invalid(resource, target, ['metadata.resourceVersion: Invalid value: 0x0: must be specified for an update']);
  if (version !== undefined && version !== known.resourceVersion)
    throw new FakeStatus(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${resource.plural} "${target.name}": the object has been modified; please apply your changes to the latest version and try again`,
    );
  if (given.uid !== undefined && given.uid !== known.uid) throw uidConflict(resource, target, given.uid, known.uid);
  if (target.subresource === 'status') return store.put(storeKey(resource), key, { ...before, status: body.status });
  const kept = { uid: known.uid, creationTimestamp: known.creationTimestamp, namespace: known.namespace };
  const object = checked(resource, { ...body, metadata: { ...given, ...kept } });
  const changed = !isDeepStrictEqual(object.spec, before.spec);
  const generation = (numberIn(known, 'generation') ?? 1) + (changed ? 1 : 0);
  const metadata = { ...mapIn(object, 'metadata'), generation };
  return store.put(storeKey(resource), key, defaulted(resource, { ...object, metadata }, before));
}

export function deleteObject({ store, resource, target, body }: Write): Native {
  const key = `${target.namespace ?? ''}/${target.name}`;
  const before = store.get(storeKey(resource), key);
  if (before === undefined) throw notFound(resource.plural, target.name ?? '');
  const known = mapIn(before, 'metadata');
  const wanted = mapIn(body, 'preconditions');
  if (wanted.uid !== undefined && wanted.uid !== known.uid) throw uidConflict(resource, target, wanted.uid, known.uid);
  if (wanted.resourceVersion !== undefined && wanted.resourceVersion !== known.resourceVersion)
    throw new FakeStatus(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${resource.plural} "${target.name}": Precondition failed: ResourceVersion in precondition: ${wanted.resourceVersion}, ResourceVersion in object meta: ${known.resourceVersion}`,
    );
  // A kubelet has to end what runs, unless it is told not to wait.
  if (resource.kind === 'Pod' && textIn(mapIn(before, 'spec'), 'nodeName') && body.gracePeriodSeconds !== 0) {
    const metadata = { ...known, deletionTimestamp: now(), deletionGracePeriodSeconds: 30 };
    return store.put(storeKey(resource), key, { ...before, metadata });
  }
  store.delete(storeKey(resource), key);
  return before;
}

export function storeKey({ group, plural }: Pick<ApiResource, 'group' | 'plural'>): string {
  return `${group}/${plural}`;
}

function checked(resource: ApiResource, object: Native): Native {
  const { group, version, kind, schema } = resource;
  const typed = { ...object, apiVersion: group === '' ? version : `${group}/${version}`, kind };
  if (schema === undefined) return typed;
  const problems: string[] = [];
  const kept = checkSchema(typed, schema, '', problems);
  if (problems.length > 0) throw invalid(resource, { name: textIn(mapIn(object, 'metadata'), 'name') }, problems);
  return isMap(kept) ? kept : typed;
}

/** What the server adds, and what it does not let others write. */
function defaulted({ kind }: ApiResource, object: Native, before: Native | undefined): Native {
  const spec = mapIn(object, 'spec');
  switch (kind) {
    case 'Pod':
      return { ...object, status: before?.status ?? { phase: 'Pending' } };
    case 'NetworkPolicy': {
      if (object.apiVersion !== 'networking.k8s.io/v1' || listIn(spec, 'policyTypes').length > 0) return object;
      const types = ['Ingress', ...(listIn(spec, 'egress').length > 0 ? ['Egress'] : [])];
      return { ...object, spec: { ...spec, policyTypes: types } };
    }
    default:
      return object;
  }
}

function invalid(
  { kind, group }: ApiResource,
  { name }: Pick<Target, 'name'>,
  problems: readonly string[],
): FakeStatus {
  const causes = problems.map((problem) => ({ field: problem.split(':', 1)[0], message: problem }));
  const message = `${kind}.${group} "${name}" is invalid: ${problems.join(', ')}`;
  return new FakeStatus(422, 'Invalid', message, { details: { causes } });
}

function uidConflict({ plural }: ApiResource, { name }: Target, wanted: unknown, known: unknown): FakeStatus {
  const message = `Operation cannot be fulfilled on ${plural} "${name}": Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${known}`;
  return new FakeStatus(409, 'Conflict', message);
}

function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}
