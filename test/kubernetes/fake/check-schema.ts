import { isMap } from '../../../src/resources/normalise.js';
import type { OpenApiSchema } from '../open-api-schema.js';

const preserve = 'x-kubernetes-preserve-unknown-fields';

/** A value as an API server stores it: without the fields that its structural schema does not have. Adds what is wrong to `problems`. */
export function checkSchema(value: unknown, schema: OpenApiSchema, path: string, problems: string[]): unknown {
  const wrong = (message: string): unknown => {
    problems.push(`${path}: ${message}`);
    return value;
  };
  if (schema['x-kubernetes-int-or-string']) {
    return typeof value === 'string' || Number.isInteger(value) ? value : wrong('must be of type int-or-string');
  }
  if (schema.enum !== undefined && !schema.enum.some((word) => word === value))
    return wrong(`Unsupported value: ${JSON.stringify(value)}`);
  switch (schema.type) {
    case 'object':
      return isMap(value) ? checkObject(value, schema, path, problems) : wrong('must be of type object');
    case 'array':
      if (!Array.isArray(value)) return wrong('must be of type array');
      return value.map((item, index) => checkSchema(item, schema.items ?? {}, `${path}[${index}]`, problems));
    case 'integer':
      return Number.isInteger(value) ? value : wrong('must be of type integer');
    case undefined:
      return value;
    default:
      return typeof value === schema.type ? value : wrong(`must be of type ${schema.type}`);
  }
}

function checkObject(
  value: Readonly<Record<string, unknown>>,
  schema: OpenApiSchema,
  path: string,
  problems: string[],
): unknown {
  for (const name of schema.required ?? []) if (!(name in value)) problems.push(`${path}.${name}: Required value`);
  if (schema.properties === undefined && schema.additionalProperties === undefined) return value;
  const kept = Object.entries(value).flatMap(([name, field]) => {
    const known = schema.properties?.[name] ?? schema.additionalProperties;
    if (known === undefined) return schema[preserve] ? [[name, field] as const] : [];
    return [[name, checkSchema(field, known, path === '' ? name : `${path}.${name}`, problems)] as const];
  });
  return Object.fromEntries(kept);
}
