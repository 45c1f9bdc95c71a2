import { readFile } from 'node:fs/promises';
import { AccessError, type Credentials } from './cluster-access.js';

/** A token that never changes. */
export function tokenCredentials(token: string): Credentials {
  return { authorization: async () => `Bearer ${token}`, refused: () => undefined };
}

/**
 * A token in a file, which the kubelet replaces before it expires. Read for each request: they are few, and the file is small. One
 * that can't be read for a moment is used as it was last.
 */
export function tokenFileCredentials(path: string): Credentials {
  let last: string | undefined;
  return {
    async authorization() {
      try {
        last = (await readFile(path, 'utf8')).trim() || last;
      } catch (error) {
        if (last === undefined) throw new AccessError(`the token can't be read: ${messageOf(error)}`, error);
      }
      if (last === undefined) throw new AccessError(`the token file ${path} is empty`);
      return `Bearer ${last}`;
    },
    refused: () => undefined,
  };
}

/** User and password, as some proxies in front of an API server take them. */
export function basicCredentials(user: string, password: string): Credentials {
  const value = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return { authorization: async () => value, refused: () => undefined };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
