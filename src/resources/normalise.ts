import { decodeAsNumber } from './as-number.js';
import { canonicalDuration } from './duration.js';
import { pathText } from './path.js';
import { isPlainScalar } from './plain-scalar.js';
import { decodePort } from './port.js';
import { canonicalProtocol, decodeProtocol } from './protocol.js';
import type { Issue, Path } from './resource.js';
import type { Shape, ShapeField } from './shape.js';

export interface Normalisation {
  /** `printed`: as Calico's client prints it, without empty lists and maps, and with what is always there. */
  readonly form: 'decoded' | 'printed';
  /** What becomes of fields that a kind does not have; unless they are kept, they are left out. */
  readonly unknownFields: 'error' | 'warning' | 'keep';
  /** Protocol names in any letter case, as datastores hold them. */
  readonly anyProtocolCase: boolean;
  readonly checkSelector: (text: string) => string | undefined;
  readonly issues: Issue[];
  readonly warnings: Issue[];
}

/**
 * Brings a value to the form that the schemas describe, as Calico's decoder would: field names in their spelling, null and what is
 * empty left out, plain scalars as strings where strings belong, decimal strings of ports and protocols as numbers. What is of
 * the wrong type stays, for the schema to refuse.
 */
export function normalise(value: unknown, shape: Shape, path: Path, context: Normalisation): unknown {
  switch (shape.type) {
    case 'object':
      return value === null ? {} : isMap(value) ? normaliseObject(value, shape.fields, path, context) : value;
    case 'list':
      if (value === null) return [];
      return Array.isArray(value)
        ? value.map((item, index) => normalise(item, shape.item, [...path, index], context))
        : value;
    case 'map':
      return value === null ? {} : isMap(value) ? normaliseMap(value, shape.value, path, context) : value;
    case 'text': {
      const text = asText(value);
      if (shape.selector && typeof text === 'string') checkSelector(text, path, context);
      return text;
    }
    case 'protocol': {
      const protocol = decodeProtocol(asScalar(value));
      return context.anyProtocolCase ? canonicalProtocol(protocol) : protocol;
    }
    case 'port':
      return decodePort(asScalar(value));
    case 'as-number':
      return decodeAsNumber(asScalar(value));
    case 'duration':
      return canonicalDuration(asText(value));
    case 'int-or-string':
    case 'number':
      return asScalar(value);
    case 'boolean':
      return isPlainScalar(value) ? value.value : value === null ? false : value;
    case 'any':
      return value;
  }
}

function normaliseObject(
  value: Readonly<Record<string, unknown>>,
  fields: ReadonlyMap<string, ShapeField>,
  path: Path,
  context: Normalisation,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, content] of Object.entries(value)) {
    const field = fields.get(key.toLowerCase());
    if (field === undefined || (path.length === 0 && isTypeField(field.name) && field.name !== key)) {
      if (context.unknownFields === 'keep') result[key] = content;
      else reportUnknown(key, fields, path, context);
      continue;
    }
    if (content === null || content === undefined) continue;
    if (field.name in result) {
      const message = `field ${field.name} stands twice, in different letter cases`;
      context.issues.push({ path: pathText([...path, key]), code: 'duplicate-key', message });
    }
    const normal = normalise(content, field.shape, [...path, field.name], context);
    const omitted = field.emptyIsAbsent || (context.form === 'printed' && !field.emptyIsPrinted);
    if (!(omitted && isEmpty(normal, field.shape))) result[field.name] = normal;
  }
  for (const { name, absent, printed } of fields.values()) {
    const value = absent ?? (context.form === 'printed' ? printed : undefined);
    if (value !== undefined) result[name] ??= value;
  }
  return result;
}

function normaliseMap(
  value: Readonly<Record<string, unknown>>,
  item: Shape,
  path: Path,
  context: Normalisation,
): Record<string, unknown> {
  const entries = Object.entries(value).map(([key, content]) => {
    if (key === '__proto__') {
      const message = "key '__proto__' is not allowed";
      context.issues.push({ path: pathText([...path, key]), code: 'V-LABEL', message });
    }
    return [key, normalise(content, item, [...path, key], context)] as const;
  });
  return Object.fromEntries(entries);
}

/** Calico's decoder looks at these two before it knows what the other fields are, and by their exact names. */
function isTypeField(name: string): boolean {
  return name === 'apiVersion' || name === 'kind';
}

function reportUnknown(key: string, fields: ReadonlyMap<string, ShapeField>, path: Path, context: Normalisation): void {
  const known = [...fields.values()].map(({ name }) => name).join(', ');
  const message =
    known.length <= 300 ? `field ${key} is not known here; known are ${known}` : `field ${key} is not known here`;
  const issue = { path: pathText([...path, key]), code: 'unknown-field', message };
  (context.unknownFields === 'error' ? context.issues : context.warnings).push(issue);
}

function checkSelector(text: string, path: Path, context: Normalisation): void {
  const problem = context.checkSelector(text);
  if (problem !== undefined)
    context.issues.push({ path: pathText(path), code: 'V-SELECTOR', message: `'${text}' is no selector: ${problem}` });
}

function asText(value: unknown): unknown {
  if (isPlainScalar(value)) return value.source;
  if (value === null) return '';
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}

function asScalar(value: unknown): unknown {
  if (isPlainScalar(value)) return value.value;
  return value === null ? 0 : value;
}

/** Only of its own type: `0` is no `false`. */
function isEmpty(value: unknown, { type }: Shape): boolean {
  if (type === 'boolean') return value === false;
  if (type === 'number') return value === 0;
  return value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

/** An object that came from JSON or YAML. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isPlainScalar(value);
}
