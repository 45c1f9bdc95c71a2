import { asStoredObject } from '../datastore/as-stored-object.js';
import type { StoredObject } from '../datastore/store.js';
import { asCalicoPrints } from '../resources/as-calico-prints.js';
import { kindOf, type Resource } from '../resources/kinds.js';
import { isMap } from '../resources/normalise.js';
import { isOtherCalicoKind } from '../resources/other-kinds.js';
import { type ParseOptions, parseResource } from '../resources/parse-resource.js';
import type { Issue, ObjectKey } from '../resources/resource.js';
import { checkSelector } from '../selector/check-selector.js';
import { withFelixDefaults } from './felix-defaults.js';

/** What a user gives to be written, looked at: what Calico's client fills in is filled in. */
export interface PreparedObject {
  /** Which object it is, as far as can be told; of one that is not valid too. */
  readonly key?: ObjectKey;
  /** Absent if it must not be written, for the reasons in `issues`. */
  readonly object?: StoredObject;
  readonly issues: readonly Issue[];
  readonly warnings: readonly Issue[];
}

export interface PrepareOptions {
  /** Where the objects of the command belong: for those that name no namespace; the others must name this one. */
  readonly namespace?: string | undefined;
  /** Fields that the kind does not have are errors unless said otherwise. */
  readonly unknownFields?: ParseOptions['unknownFields'];
}

/** Validates a value from JSON or YAML, strictly, and completes it. Never throws. */
export function prepareObject(
  value: unknown,
  { namespace, unknownFields = 'error' }: PrepareOptions = {},
): PreparedObject {
  if (isOtherCalicoKind(value)) return refused([otherKind(value)]);
  const { key, parsed } = parseResource(value, { unknownFields, defaults: 'client', checkSelector, namespace });
  const known = key === undefined ? {} : { key };
  const wrongNamespace = namespace === undefined ? undefined : namespaceIssue(value, key, namespace);
  const issues = [...(wrongNamespace === undefined ? [] : [wrongNamespace]), ...(parsed.valid ? [] : parsed.issues)];
  const object = parsed.valid && issues.length === 0 ? storedForm(parsed.resource) : undefined;
  return { ...known, ...(object === undefined ? {} : { object }), issues, warnings: parsed.warnings };
}

/** As Calico's client would write it. */
function storedForm(resource: Resource): StoredObject | undefined {
  const definition = kindOf(resource.kind);
  if (definition === undefined) return undefined;
  const complete =
    resource.kind === 'FelixConfiguration' ? { ...resource, spec: withFelixDefaults(resource.spec) } : resource;
  return asStoredObject(asCalicoPrints(complete, definition));
}

/**
 * Codes of issues that say that a value can't be understood at all (kinds and fields that do not exist, wrong types);
 * as to calicoctl, they are faults of the file, not of one object.
 */
export const unreadableCodes: ReadonlySet<string> = new Set([
  'api-version',
  'duplicate-key',
  'kind',
  'other-kind',
  'type',
  'unknown-field',
]);

function refused(issues: readonly Issue[]): PreparedObject {
  return { issues, warnings: [] };
}

function otherKind(value: unknown): Issue {
  const kind = isMap(value) ? String(value.kind) : '';
  const message = `${kind} is a kind of Calico that Margay has no use for; manage it with calicoctl`;
  return { path: 'kind', code: 'other-kind', message };
}

function namespaceIssue(value: unknown, key: ObjectKey | undefined, namespace: string): Issue | undefined {
  const definition = isMap(value) ? kindOf(String(value.kind)) : undefined;
  if (definition !== undefined && !definition.namespaced)
    return { path: '', code: 'namespace', message: `${definition.kind} is not namespaced` };
  if (key === undefined || key.namespace === namespace) return undefined;
  const message = `resource namespace does not match client namespace. ${key.namespace} != ${namespace}`;
  return { path: 'metadata.namespace', code: 'namespace', message };
}
