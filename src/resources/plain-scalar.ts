const mark: unique symbol = Symbol('plain scalar');

/**
 * A number, boolean or null that a file spells otherwise than its value prints, such as `1337495556942031415926535`, `0x1f` or
 * `True`: where a string belongs, the spelling is the value.
 */
export interface PlainScalar {
  readonly [mark]: true;
  readonly value: number | boolean | null;
  readonly source: string;
  toJSON(): number | boolean | null;
}

/** The value itself where it prints as the source does. */
export function plainScalar(value: number | boolean | null, source: string): number | boolean | null | PlainScalar {
  if (value !== null && String(value) === source) return value;
  return value === null ? null : { [mark]: true, value, source, toJSON: () => value };
}

/** Whether a value is a `PlainScalar`. */
export function isPlainScalar(value: unknown): value is PlainScalar {
  return typeof value === 'object' && value !== null && mark in value;
}
