import * as z from 'zod';
import { fieldRoles } from './field.js';

/** What the normaliser needs of a schema: which fields there are and where strings belong. */
export type Shape =
  | { readonly type: 'object'; readonly fields: ReadonlyMap<string, ShapeField> }
  | { readonly type: 'list'; readonly item: Shape }
  | { readonly type: 'map'; readonly value: Shape }
  | { readonly type: 'text'; readonly selector: boolean }
  | { readonly type: 'number' | 'boolean' | 'protocol' | 'port' | 'int-or-string' | 'as-number' | 'duration' | 'any' };

export interface ShapeField {
  readonly name: string;
  readonly shape: Shape;
  readonly emptyIsAbsent: boolean;
  readonly absent: string | undefined;
}

/** Derives the shape; fields are found by their name in lower case. @throws TypeError for a schema that no shape is known for */
export function shapeOf(schema: z.core.$ZodType): Shape {
  const role = fieldRoles.get(schema as z.ZodType)?.role;
  if (role === 'selector' || role === 'text') return { type: 'text', selector: role === 'selector' };
  if (role === 'protocol' || role === 'port' || role === 'int-or-string' || role === 'as-number' || role === 'duration')
    return { type: role };
  if (schema instanceof z.ZodOptional) return shapeOf(schema.unwrap());
  if (schema instanceof z.ZodObject) return { type: 'object', fields: fieldsOf(schema.shape) };
  if (schema instanceof z.ZodArray) return { type: 'list', item: shapeOf(schema.element) };
  if (schema instanceof z.ZodRecord) return { type: 'map', value: shapeOf(schema.valueType) };
  if (schema instanceof z.ZodString || schema instanceof z.ZodLiteral) return { type: 'text', selector: false };
  if (schema instanceof z.ZodNumber || schema instanceof z.ZodUnion) return { type: 'number' };
  if (schema instanceof z.ZodBoolean) return { type: 'boolean' };
  if (schema instanceof z.ZodUnknown) return { type: 'any' };
  throw new TypeError(`no shape for a schema of type ${schema._zod.def.type}`);
}

function fieldsOf(shape: Readonly<Record<string, z.core.$ZodType>>): Map<string, ShapeField> {
  return new Map(
    Object.entries(shape).map(([name, schema]) => {
      const { role, absent } = fieldRoles.get(schema as z.ZodType) ?? {};
      return [
        name.toLowerCase(),
        { name, shape: shapeOf(schema), emptyIsAbsent: role === 'empty-is-absent', absent },
      ] as const;
    }),
  );
}
