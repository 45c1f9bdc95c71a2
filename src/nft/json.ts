export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

export function isRecord(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** The only member of an object that has just one: nft's way to say which kind of expression or statement it is. */
export function onlyMember(json: Json | undefined): readonly [string, Json] | undefined {
  if (!isRecord(json)) return undefined;
  const [entry, ...more] = Object.entries(json);
  return entry && more.length === 0 && entry[1] !== undefined ? [entry[0], entry[1]] : undefined;
}
