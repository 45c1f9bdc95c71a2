import * as z from 'zod';
import { fieldRoles } from './field.js';
import type { ReadableKind } from './kinds.js';

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
  readonly emptyIsPrinted: boolean;
  readonly absent: string | undefined;
  /** What stands for a missing one where objects are printed. */
  readonly printed: unknown;
}

const shapes = new Map<ReadableKind['kind'], Shape>();

/** Derived once for each kind. */
export function shapeOfKind({ kind, schema }: ReadableKind): Shape {
  const known = shapes.get(kind) ?? shapeOf(schema);
  shapes.set(kind, known);
  return known;
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
      const { role, absent, printed } = fieldRoles.get(schema as z.ZodType) ?? {};
      const shape = shapeOf(schema);
      const emptyIsAbsent = role === 'empty-is-absent' || role === 'always-printed';
      // Of Go's lists and maps, which leave out what is empty, pointers are an exception.
      const emptyIsPrinted = role === 'empty-is-printed' || (shape.type !== 'list' && shape.type !== 'map');
      return [name.toLowerCase(), { name, shape, emptyIsAbsent, emptyIsPrinted, absent, printed }] as const;
    }),
  );
}
