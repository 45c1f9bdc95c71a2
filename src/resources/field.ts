import * as z from 'zod';

/** What the normaliser has to know of a field beyond its type. */
export type FieldRole =
  | 'text'
  | 'selector'
  | 'protocol'
  | 'port'
  | 'int-or-string'
  | 'as-number'
  | 'duration'
  | 'empty-is-absent'
  | 'empty-is-printed'
  | 'always-printed';

/**
 * The fields with a role, what a missing one stands for, what Calico prints for a missing one, and which words it may have;
 * schemas keep no other state.
 */
export const fieldRoles = z.registry<{
  role: FieldRole;
  absent?: string;
  printed?: unknown;
  words?: readonly string[];
}>();

/** Tells what is wrong with a text, as a sentence about the field. */
export type TextCheck = (text: string) => string | undefined;

/** A string that satisfies `check`; `code` is the rule that it breaks otherwise. */
export function text(code: string, check: TextCheck): z.ZodString {
  return z.string().superRefine((value, context) => {
    const message = check(value);
    if (message !== undefined) report(context, code, [], message);
  });
}

/** Calico's Go types do not tell an empty value from a missing one in these fields. */
export function emptyIsAbsent<Schema extends z.ZodType>(schema: Schema): z.ZodOptional<Schema> {
  const optional = schema.optional();
  fieldRoles.add(optional, { role: 'empty-is-absent' });
  return optional;
}

/** A list that Calico tells from a missing one when it is empty, and so prints; others not. */
export function emptyIsPrinted<Schema extends z.ZodType>(schema: Schema): z.ZodOptional<Schema> {
  const optional = schema.optional();
  fieldRoles.add(optional, { role: 'empty-is-printed' });
  return optional;
}

/** As `emptyIsAbsent`; Calico prints what is missing as `printed`. */
export function alwaysPrinted<Schema extends z.ZodType>(schema: Schema, printed: unknown): z.ZodOptional<Schema> {
  const optional = schema.optional();
  fieldRoles.add(optional, { role: 'always-printed', printed });
  return optional;
}

/** A string that Calico always writes out, empty if it is missing. */
export function absentIsEmpty() {
  return z.string().register(fieldRoles, { role: 'text', absent: '' });
}

/** A list of limited length. */
export function list<Item extends z.ZodType>(item: Item, limit: number): z.ZodArray<Item> {
  return z.array(item).superRefine((items, context) => {
    if (items.length > limit) report(context, 'limit', [], `has ${items.length} items, at most ${limit} are allowed`);
  });
}

/** A check that a text is not longer than `limit` characters, before another one. */
export function within(limit: number, check: TextCheck = () => undefined): TextCheck {
  return (value) =>
    value.length > limit && [...value].length > limit ? `is longer than ${limit} characters` : check(value);
}

/** One of the words, exactly as written. */
export function oneOf<const Words extends readonly [string, ...string[]]>(code: string, ...words: Words) {
  // Not z.enum: after its issues zod skips the checks of the whole object, and what else is wrong would stay untold.
  return z
    .custom<Words[number]>((value) => typeof value === 'string', { error: 'must be a string', abort: true })
    .superRefine((value, context) => {
      if (!words.includes(value)) report(context, code, [], `must be one of ${words.join(', ')}, not '${value}'`);
    })
    .register(fieldRoles, { role: 'text', words });
}

/** A field whose value is a word or a number. */
export function wordOrNumber(description: string) {
  return z.custom<string | number>((value) => typeof value === 'string' || typeof value === 'number', {
    error: `must be ${description}`,
    abort: true,
  });
}

export type RefinementContext = z.core.$RefinementCtx;

/** An issue of a rule of Calico's validation; the other rules are still looked at. */
export function report(
  context: RefinementContext,
  code: string,
  path: readonly (string | number)[],
  message: string,
): void {
  context.addIssue({ code: 'custom', path: [...path], message, params: { rule: code } });
}
