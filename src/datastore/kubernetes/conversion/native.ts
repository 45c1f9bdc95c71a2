import { isMap } from '../../../resources/normalise.js';

/** An object, or a part of one, as the API server sends it; what is in it is looked at before it is used. */
export type Native = Readonly<Record<string, unknown>>;

/** The map in a field; an empty one if there is none. */
export function mapIn(value: unknown, field: string): Native {
  const found = isMap(value) ? value[field] : undefined;
  return isMap(found) ? found : {};
}

export function listIn(value: unknown, field: string): readonly unknown[] {
  const found = isMap(value) ? value[field] : undefined;
  return Array.isArray(found) ? found : [];
}

/** The text in a field; undefined if there is none or it is empty, which Go's types do not tell apart. */
export function textIn(value: unknown, field: string): string | undefined {
  const found = isMap(value) ? value[field] : undefined;
  return typeof found === 'string' && found !== '' ? found : undefined;
}

export function numberIn(value: unknown, field: string): number | undefined {
  const found = isMap(value) ? value[field] : undefined;
  return typeof found === 'number' ? found : undefined;
}

/** The map of texts in a field: labels, annotations. */
export function textsIn(value: unknown, field: string): Readonly<Record<string, string>> {
  return onlyTexts(mapIn(value, field));
}

/** The texts of a list in a field. */
export function textListIn(value: unknown, field: string): readonly string[] {
  return listIn(value, field).filter((item) => typeof item === 'string');
}

export function onlyTexts(map: Native): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [key, value] of Object.entries(map)) if (typeof value === 'string') texts[key] = value;
  return texts;
}

/** What JSON text of an annotation says; undefined if it is no JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The fields that have a value: an absent field is left out, as in JSON. */
export function present(fields: Native): Native {
  const some: Record<string, unknown> = {};
  for (const key of Object.keys(fields)) if (fields[key] !== undefined) some[key] = fields[key];
  return some;
}
