import * as z from 'zod';
import { fieldRoles } from '../../src/resources/field.js';

/** A structural schema, as CustomResourceDefinitions hold them. */
export interface OpenApiSchema {
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean';
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly additionalProperties?: OpenApiSchema;
  readonly required?: readonly string[];
  readonly items?: OpenApiSchema;
  readonly enum?: readonly (string | number | boolean)[];
  readonly anyOf?: readonly OpenApiSchema[];
  readonly 'x-kubernetes-int-or-string'?: true;
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
}

const intOrString: OpenApiSchema = {
  anyOf: [{ type: 'integer' }, { type: 'string' }],
  'x-kubernetes-int-or-string': true,
};

/** Types, required fields and fixed words of a schema. What goes beyond is left to those who parse the object. */
export function openApiSchema(schema: z.core.$ZodType): OpenApiSchema {
  const { role, words } = fieldRoles.get(schema as z.ZodType) ?? {};
  if (role === 'protocol' || role === 'port' || role === 'int-or-string' || role === 'as-number') return intOrString;
  if (role === 'text' || role === 'selector' || role === 'duration')
    return words === undefined ? { type: 'string' } : { type: 'string', enum: words };
  if (schema instanceof z.ZodOptional) return openApiSchema(schema.unwrap());
  if (schema instanceof z.ZodObject) return objectSchema(schema.shape);
  if (schema instanceof z.ZodArray) return { type: 'array', items: openApiSchema(schema.element) };
  if (schema instanceof z.ZodRecord) return { type: 'object', additionalProperties: openApiSchema(schema.valueType) };
  if (schema instanceof z.ZodString) return { type: 'string' };
  if (schema instanceof z.ZodNumberFormat) return { type: 'integer' };
  if (schema instanceof z.ZodNumber) return { type: 'number' };
  if (schema instanceof z.ZodBoolean) return { type: 'boolean' };
  if (schema instanceof z.ZodUnion) return { type: 'integer', enum: schema.options.flatMap(literals) };
  if (schema instanceof z.ZodUnknown) return { 'x-kubernetes-preserve-unknown-fields': true };
  throw new TypeError(`no OpenAPI schema for one of type ${schema._zod.def.type}`);
}

function objectSchema(shape: Readonly<Record<string, z.core.$ZodType>>): OpenApiSchema {
  const fields = Object.entries(shape);
  const required = fields.filter(([, field]) => isRequired(field)).map(([name]) => name);
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map(([name, field]) => [name, openApiSchema(field)])),
    ...(required.length > 0 ? { required } : {}),
  };
}

function isRequired(field: z.core.$ZodType): boolean {
  return !(field instanceof z.ZodOptional) && fieldRoles.get(field as z.ZodType)?.absent === undefined;
}

function literals(schema: z.core.$ZodType): number[] {
  if (!(schema instanceof z.ZodLiteral)) throw new TypeError('a union of something else than numbers');
  return [...schema.values].map(Number);
}
