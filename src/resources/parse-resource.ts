import { adviceOn } from './advice.js';
import { fillClientDefaults } from './client-defaults.js';
import { derivedKindOf, kindOf, type ReadableKind, type Resource } from './kinds.js';
import { isMap, type Normalisation, normalise } from './normalise.js';
import type { Issue, ObjectKey, Parsed } from './resource.js';
import { apiVersion } from './resource-schema.js';
import { schemaIssue } from './schema-issue.js';
import { shapeOfKind } from './shape.js';
import { toleratedInDatastore } from './tolerated-in-datastore.js';

export interface ParseOptions {
  /** Fields that the kind does not have: an error where people write resources, a warning in what an agent reads. */
  readonly unknownFields: 'error' | 'warning';
  /**
   * `client`: the value is what a user gives to calicoctl, and what Calico's client fills in on write is filled in. `none`: it
   * comes from a datastore, rules of the client that need not hold there become warnings, and kinds that only a datastore yields
   * are known.
   */
  readonly defaults: 'client' | 'none';
  /** With the defaults of the client: the namespace of what belongs to one and names none. */
  readonly namespace?: string | undefined;
  /** What is wrong with the syntax of a selector. */
  readonly checkSelector: (text: string) => string | undefined;
}

export interface ParseResult {
  /** Which object it is, as far as can be told; an invalid one too. */
  readonly key?: ObjectKey;
  readonly parsed: Parsed;
}

/**
 * Validates a value from JSON or YAML as a resource of Calico. Never throws; all that is wrong is listed, with its path.
 * Source: Calico's validator and the schemas of its CRDs.
 */
export function parseResource(value: unknown, options: ParseOptions): ParseResult {
  if (!isMap(value))
    return invalid([
      { path: '', code: 'type', message: 'a resource must be a map with apiVersion, kind, metadata and spec' },
    ]);
  const definition = typeof value.kind === 'string' ? definitionOf(value.kind, options) : undefined;
  const problem = typeProblem(value, definition);
  if (definition === undefined || problem !== undefined) return invalid([problem ?? unknownKind(value.kind)]);
  const context: Normalisation = {
    form: 'decoded',
    unknownFields: options.unknownFields,
    anyProtocolCase: options.defaults === 'none',
    checkSelector: options.checkSelector,
    issues: [],
    warnings: [],
  };
  const normal = normalise(value, shapeOfKind(definition), [], context) as Record<string, unknown>;
  normal.metadata ??= {};
  normal.spec ??= {};
  if (options.defaults === 'client') fillClientDefaults(normal, definition, options.namespace);
  return { ...keyOf(normal, definition), parsed: validate(normal, definition, options, context) };
}

function validate(
  normal: Record<string, unknown>,
  definition: ReadableKind,
  options: ParseOptions,
  { issues, warnings }: Normalisation,
): Parsed {
  const result = definition.schema.safeParse(normal);
  const found = [...issues, ...(result.error?.issues.map((issue) => schemaIssue(issue, normal)) ?? [])];
  const tolerated = (issue: Issue) => options.defaults === 'none' && toleratedInDatastore(issue, definition.kind);
  const errors = found.filter((issue) => !tolerated(issue));
  const told = [...warnings, ...found.filter(tolerated)];
  if (errors.length > 0) return { valid: false, issues: errors, warnings: told };
  // Schemas only check: a value whose remaining issues are tolerated has the type all the same.
  const resource = result.data ?? (normal as unknown as Resource);
  return { valid: true, resource, warnings: [...told, ...adviceOn(resource)] };
}

function definitionOf(kind: string, { defaults }: ParseOptions): ReadableKind | undefined {
  return kindOf(kind) ?? (defaults === 'none' ? derivedKindOf(kind) : undefined);
}

function typeProblem(
  value: Readonly<Record<string, unknown>>,
  definition: ReadableKind | undefined,
): Issue | undefined {
  if (definition === undefined) return unknownKind(value.kind);
  const version = value.apiVersion;
  if (version === apiVersion) return undefined;
  const found = typeof version === 'string' ? `'${version}'` : 'missing or no string';
  return { path: 'apiVersion', code: 'api-version', message: `apiVersion must be ${apiVersion}, but it is ${found}` };
}

function unknownKind(kind: unknown): Issue {
  if (kind === undefined) return { path: 'kind', code: 'required', message: 'kind is missing' };
  const message = `kind ${typeof kind === 'string' ? `'${kind}'` : JSON.stringify(kind)} is not one that Margay handles (the letter case matters)`;
  return { path: 'kind', code: 'kind', message };
}

function keyOf(normal: Readonly<Record<string, unknown>>, { kind, namespaced }: ReadableKind): { key?: ObjectKey } {
  const metadata = normal.metadata;
  if (!isMap(metadata)) return {};
  const { name, namespace } = metadata;
  if (typeof name !== 'string' || name === '') return {};
  if (!namespaced) return { key: { kind, name } };
  return typeof namespace === 'string' ? { key: { kind, namespace, name } } : {};
}

function invalid(issues: readonly Issue[]): ParseResult {
  return { parsed: { valid: false, issues, warnings: [] } };
}
