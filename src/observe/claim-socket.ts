import { link, lstat, rename, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { runningPid } from './status-client.js';
import { socketFile } from './status-protocol.js';

/** Another daemon runs on the same run directory. */
export class DaemonRunningError extends Error {
  constructor(
    readonly runDirectory: string,
    /** 0 if it does not tell. */
    readonly pid: number,
  ) {
    const who = pid === 0 ? 'a daemon that does not tell its pid' : `the daemon with pid ${pid}`;
    super(`${who} runs on ${runDirectory} already: stop it first, or give this one another --run-dir`);
    this.name = 'DaemonRunningError';
  }
}

/**
 * Listens on the run directory's socket, which makes this process its only daemon: bind(2) is atomic, and the socket of a
 * killed daemon refuses connections. Rejects with DaemonRunningError, or as the file system does.
 */
export async function claimSocket(server: Server, path: string, runDirectory: string): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    if (await listens(server, path)) return;
    const found = await identity(socketFile(runDirectory));
    if (found === undefined) continue;
    const pid = await pidOfAnyDaemon(runDirectory);
    if (pid !== undefined) throw new DaemonRunningError(runDirectory, pid);
    await removeStale(socketFile(runDirectory), found);
  }
  throw new Error(`${socketFile(runDirectory)} keeps coming back: are several daemons being started?`);
}

function listens(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      server.off('listening', succeeded);
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    };
    const succeeded = () => {
      server.off('error', failed);
      resolve(true);
    };
    server.once('error', failed);
    server.once('listening', succeeded);
    server.listen(path);
  });
}

/** Asks twice: between bind(2) and listen(2) of a daemon that is just starting its socket refuses, too. */
async function pidOfAnyDaemon(runDirectory: string): Promise<number | undefined> {
  const pid = await runningPid(runDirectory);
  if (pid !== undefined) return pid;
  await sleep(100);
  return runningPid(runDirectory);
}

/**
 * Two daemons may find the same stale socket, and the slower one must not remove the new socket of the faster one: what is
 * there is renamed, looked at, and put back if it is not what was found before.
 */
async function removeStale(socket: string, found: string): Promise<void> {
  const aside = `${socket}.${process.pid}`;
  try {
    await rename(socket, aside);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  if ((await identity(aside)) !== found) {
    await link(aside, socket).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  await rm(aside);
}

/** Inode numbers are given again, and a rename changes ctime: inode and mtime identify a socket. Throws if it is none. */
async function identity(path: string): Promise<string | undefined> {
  try {
    const stats = await lstat(path, { bigint: true });
    if (!stats.isSocket()) throw new Error(`${path} is in the way: it is not a socket`);
    return `${stats.dev}:${stats.ino}:${stats.mtimeNs}`;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
