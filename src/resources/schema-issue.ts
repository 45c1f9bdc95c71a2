import type * as z from 'zod';
import { pathText } from './path.js';
import type { Issue } from './resource.js';

/** An issue of a schema in the words of this project; `value` is what was parsed. */
export function schemaIssue(issue: z.core.$ZodIssue, value: unknown): Issue {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const input = path.reduce<unknown>(step, value);
  return { path: pathText(path), ...describe(issue, input) };
}

function describe(issue: z.core.$ZodIssue, input: unknown): Pick<Issue, 'code' | 'message'> {
  switch (issue.code) {
    case 'custom': {
      const rule: unknown = issue.params?.rule;
      if (typeof rule === 'string') return { code: rule, message: issue.message };
      return input === undefined ? required : { code: 'type', message: `${issue.message}, not ${typeName(input)}` };
    }
    case 'invalid_type':
      if (input === undefined) return required;
      return { code: 'type', message: `must be ${expectedName(issue.expected)}, not ${typeName(input)}` };
    case 'invalid_value':
      if (input === undefined) return required;
      return { code: 'value', message: `must be ${alternatives(issue.values)}, not ${shown(input)}` };
    case 'too_big':
    case 'too_small':
      return { code: 'range', message: `${shown(input)} is out of range` };
    default:
      return { code: 'value', message: `${issue.message}, not ${shown(input)}` };
  }
}

const required = { code: 'required', message: 'is required' };

function step(value: unknown, part: string | number): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.hasOwn(value, part) ? (value as Record<string | number, unknown>)[part] : undefined;
}

function alternatives(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(', ')}`;
}

function expectedName(expected: string): string {
  const names: Readonly<Record<string, string>> = {
    string: 'a string',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a map of fields',
    record: 'a map',
  };
  return names[expected] ?? expected;
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return shown(value);
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : String(JSON.stringify(value) ?? value);
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}
