import type { ApiClient } from './client/api-client.js';
import { isExpired } from './client/api-error.js';
import { mapIn, textIn } from './conversion/native.js';
import { versionOf } from './resource-version.js';

/** Objects of one page: 500 pods are some MB as JSON. */
export const PAGE = 500;
/** How much larger pages become when the list takes so long that the server has forgotten where it began. */
const GROWTH = 4;

export interface ListOptions {
  readonly path: string;
  readonly signal: AbortSignal;
  readonly limit?: number;
}

/** A part of a page, as it came in. */
export interface Page {
  readonly objects: readonly unknown[];
  /** The list begins, perhaps once more: what came before is void. */
  readonly first: boolean;
}

/** A whole list, as it comes; the last answer is its resourceVersion, from which a watch goes on. */
export async function* listPages(
  client: ApiClient,
  { path, signal, limit = PAGE }: ListOptions,
): AsyncGenerator<Page, string> {
  for (let size = limit; ; size *= GROWTH) {
    const version = yield* pagesOf(client, path, signal, size);
    if (version !== undefined) return version;
  }
}

/** Answers nothing if the server, which keeps the state that a list is of for some minutes only, has forgotten it half way. */
async function* pagesOf(
  client: ApiClient,
  path: string,
  signal: AbortSignal,
  limit: number,
): AsyncGenerator<Page, string | undefined> {
  let version: string | undefined;
  let more: string | undefined;
  do {
    const parts = client.list({ path, query: { limit, continue: more }, signal });
    let part: IteratorResult<readonly unknown[], unknown>;
    try {
      part = await parts.next();
    } catch (error) {
      if (more !== undefined && isExpired(error)) return undefined;
      throw error;
    }
    // One that is empty begins, too.
    if (version === undefined) yield { objects: [], first: true };
    for (; !part.done; part = await parts.next()) yield { objects: part.value, first: false };
    const list = part.value;
    version ??= versionOf(list) ?? '';
    more = textIn(mapIn(list, 'metadata'), 'continue');
  } while (more !== undefined);
  return version;
}
