import { readFile } from 'node:fs/promises';
import { askDaemon, DaemonError, NoDaemonError } from './ask-daemon.js';
import type { Status } from './status.js';
import { longestWaitSeconds, pidFile } from './status-protocol.js';

export { DaemonError, NoDaemonError } from './ask-daemon.js';

/** What was in the datastore did not come into force in time, or can't at the moment. */
export class NotInForceError extends Error {
  constructor(
    message: string,
    readonly status: Status,
  ) {
    super(message);
    this.name = 'NotInForceError';
  }
}

export interface QueryOptions {
  /** Return only when everything that is in the datastore at the call is in force. */
  readonly waitSeconds?: number;
  /** How long the daemon may take for the answer itself. */
  readonly patienceMs?: number;
}

/** The status of the daemon of a run directory. Rejects with NoDaemonError, DaemonError or, when it waits, NotInForceError. */
export async function queryStatus(runDirectory: string, options: QueryOptions = {}): Promise<Status> {
  const { waitSeconds, patienceMs = 10_000 } = options;
  const seconds = waitSeconds === undefined ? 0 : Math.min(waitSeconds, longestWaitSeconds - patienceMs / 1000);
  const request = waitSeconds === undefined ? { command: 'status' as const } : { command: 'wait' as const, seconds };
  const answer = await askDaemon(runDirectory, request, seconds * 1000 + patienceMs);
  if (!('status' in answer)) throw new DaemonError('unreadable', 'the daemon answered without its status');
  if ('inForce' in answer && !answer.inForce) {
    throw new NotInForceError(answer.reason ?? 'the datastore is not in force yet', answer.status);
  }
  return answer.status;
}

/** The pid of the daemon that runs on a run directory, undefined if there is none, 0 if it does not tell. */
export async function runningPid(runDirectory: string, patienceMs = 2000): Promise<number | undefined> {
  try {
    const answer = await askDaemon(runDirectory, { command: 'pid' }, patienceMs);
    return 'pid' in answer ? answer.pid : writtenPid(runDirectory);
  } catch (error) {
    if (error instanceof NoDaemonError) return undefined;
    // Stopped, overloaded or of another version, but its socket is alive: so is the process.
    if (error instanceof DaemonError && error.code !== 'denied') return writtenPid(runDirectory);
    throw error;
  }
}

async function writtenPid(runDirectory: string): Promise<number> {
  const text = await readFile(pidFile(runDirectory), 'utf8').catch(() => '');
  return Number.parseInt(text, 10) || 0;
}
