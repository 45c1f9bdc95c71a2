import { type PlainScalar, plainScalar } from './plain-scalar.js';

const words: ReadonlyMap<string, boolean | null> = new Map<string, boolean | null>([
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
]);
const decimal = /^[-+]?(?:\d+|(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?)$/;
const prefixed = /^0(?:x[\da-fA-F]+|o[0-7]+)$/;
const infinite = /^[-+]?\.(?:inf|Inf|INF)$/;
const notANumber = /^\.(?:nan|NaN|NAN)$/;

const boolean11 = /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)$/;
const octal11 = /^[-+]?0[0-7_]+$/;
const leadingZero = /^[-+]?0\d+$/;
const number11 = /^[-+]?(?:0b[01_]+|\d[\d_]*_[\d_]*|0x[\da-fA-F_]*_[\da-fA-F_]*)$/;

/** What a plain scalar means in YAML 1.2 (core schema). */
export function resolvePlain(source: string): string | number | boolean | null | PlainScalar {
  const word = words.get(source);
  if (word !== undefined) return plainScalar(word, source);
  if (decimal.test(source) || prefixed.test(source)) return plainScalar(Number(source), source);
  if (infinite.test(source)) return plainScalar(source.startsWith('-') ? -Infinity : Infinity, source);
  return notANumber.test(source) ? plainScalar(Number.NaN, source) : source;
}

/** Why a plain scalar means something else to calicoctl and kubectl, which read YAML 1.1. */
export function difference11(source: string): string | undefined {
  const where = 'calicoctl and kubectl read YAML 1.1, where it is';
  if (boolean11.test(source)) return `plain ${source} is a string here; ${where} a boolean: quote it`;
  if (leadingZero.test(source) && octal11.test(source))
    return `plain ${source} is the decimal number ${Number(source)} here; ${where} the octal ${Number.parseInt(source, 8)}: write it without the zero or quote it`;
  if (number11.test(source))
    return `plain ${source} is a string here; ${where} a number: write it without '_' or quote it`;
  return undefined;
}
