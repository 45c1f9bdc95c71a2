import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { claimSocket } from './claim-socket.js';
import type { Status } from './status.js';
import {
  type Answer,
  longestWaitSeconds,
  openSocketAddress,
  pidFile,
  type Request,
  socketFile,
} from './status-protocol.js';

export { DaemonRunningError } from './claim-socket.js';

/** The daemon as the status socket sees it. */
export interface StatusProvider {
  status(): Status;
  /**
   * Resolves when everything that was in the datastore at the call is in force and the daemon is ready. Rejects when the signal
   * is aborted.
   */
  waitInForce(signal: AbortSignal): Promise<void>;
}

export interface StatusServer {
  /** Removes the socket and the pid file; clients that wait are cut off. */
  close(): Promise<void>;
}

/** Longer requests are not ours. */
const longestRequest = 4096;
const requestMs = 10_000;

/**
 * Makes this process the daemon of a run directory (which is made) and answers `margay status` there. Rejects with
 * DaemonRunningError if there is one, with the reason if the directory or the socket can't be made.
 */
export async function serveStatus(runDirectory: string, provider: StatusProvider): Promise<StatusServer> {
  await mkdir(runDirectory, { recursive: true, mode: 0o750 });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serveClient(socket, provider);
  });
  const address = await openSocketAddress(runDirectory);
  try {
    await claimSocket(server, address.path, runDirectory);
  } catch (error) {
    await address.close();
    throw error;
  }
  const close = async () => {
    await removePidFile(runDirectory);
    for (const socket of sockets) socket.destroy();
    await closed(server);
    await address.close();
  };
  try {
    await chmod(socketFile(runDirectory), 0o660);
    await writePidFile(runDirectory);
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

function serveClient(socket: Socket, provider: StatusProvider): void {
  const gone = new AbortController();
  let text = '';
  // Such as EPIPE: the client went away, and nobody is left to tell.
  socket.on('error', () => gone.abort());
  socket.once('close', () => gone.abort());
  socket.setTimeout(requestMs, () => socket.destroy());
  socket.setEncoding('utf8');
  const read = (chunk: string) => {
    text += chunk;
    const end = text.indexOf('\n');
    if (end < 0 && text.length <= longestRequest) return;
    socket.off('data', read);
    // The rest is drained: a socket that is not read does not notice that the client has gone.
    socket.resume();
    socket.setTimeout(0);
    const answer = end < 0 ? refusal('the request is too long') : answerTo(text.slice(0, end), provider, gone.signal);
    void Promise.resolve(answer).then((value) => socket.end(`${JSON.stringify(value)}\n`));
  };
  socket.on('data', read);
}

async function answerTo(line: string, provider: StatusProvider, gone: AbortSignal): Promise<Answer> {
  const request = parseRequest(line);
  try {
    switch (request?.command) {
      case 'status':
        return { status: provider.status() };
      case 'wait':
        return await waitAnswer(provider, request.seconds, gone);
      case 'pid':
        return { pid: process.pid };
      default:
        return refusal('this version does not know it');
    }
  } catch (error) {
    return refusal(error instanceof Error ? error.message : String(error));
  }
}

async function waitAnswer(provider: StatusProvider, seconds: number, gone: AbortSignal): Promise<Answer> {
  const timeout = AbortSignal.timeout(Math.min(seconds, longestWaitSeconds) * 1000);
  const signal = AbortSignal.any([gone, timeout]);
  try {
    await Promise.race([provider.waitInForce(signal), aborted(signal)]);
    return { status: provider.status(), inForce: true };
  } catch (error) {
    const reason = timeout.aborted ? `not in force after ${seconds} s` : String((error as Error).message);
    return { status: provider.status(), inForce: false, reason };
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function parseRequest(line: string): Request | undefined {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof request !== 'object' || request === null || !('command' in request)) return undefined;
  const { command } = request;
  if (command === 'status' || command === 'pid') return { command };
  if (command !== 'wait' || !('seconds' in request) || typeof request.seconds !== 'number') return undefined;
  return request.seconds >= 0 ? { command, seconds: request.seconds } : undefined;
}

function refusal(error: string): Answer {
  return { error };
}

/** By rename: nobody reads half a number. */
async function writePidFile(runDirectory: string): Promise<void> {
  const file = pidFile(runDirectory);
  await writeFile(`${file}.new`, `${process.pid}\n`);
  await rename(`${file}.new`, file);
}

async function removePidFile(runDirectory: string): Promise<void> {
  const text = await readFile(pidFile(runDirectory), 'utf8').catch(() => '');
  if (text.trim() === String(process.pid)) await rm(pidFile(runDirectory), { force: true });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
