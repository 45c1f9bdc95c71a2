import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Status } from './status.js';

/** One JSON line from a client; the daemon answers with one `Answer` line and ends the connection. */
export type Request =
  | { readonly command: 'status' }
  /** Answers when everything that is in the datastore now is in force, or after so many seconds. */
  | { readonly command: 'wait'; readonly seconds: number }
  | { readonly command: 'pid' };

export type Answer =
  | { readonly status: Status }
  | { readonly status: Status; readonly inForce: boolean; readonly reason?: string }
  | { readonly pid: number }
  | { readonly error: string };

/** A timer of Node can't wait longer (2^31 - 1 ms); a longer one fires at once. */
export const longestWaitSeconds = 2_147_483;

/** The file in the run directory that holds the daemon's pid, for people and init scripts. */
export function pidFile(runDirectory: string): string {
  return join(runDirectory, 'margay.pid');
}

/** The daemon's socket. */
export function socketFile(runDirectory: string): string {
  return join(runDirectory, 'margay.sock');
}

/** A path of the socket that the kernel takes. */
export interface SocketAddress {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * A socket's path has at most 107 bytes (`sun_path` in unix(7)). A longer one goes through a descriptor of its directory,
 * which must stay open as long as the path is used. Rejects as fs.open does.
 */
export async function openSocketAddress(runDirectory: string): Promise<SocketAddress> {
  const path = socketFile(runDirectory);
  if (Buffer.byteLength(path) <= 107) return { path, close: async () => undefined };
  const directory = await open(runDirectory, constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${directory.fd}/margay.sock`, close: () => directory.close() };
}
