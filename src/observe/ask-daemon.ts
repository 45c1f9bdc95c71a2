import { createConnection } from 'node:net';
import { type Answer, openSocketAddress, type Request, socketFile } from './status-protocol.js';

/** Nothing listens on the run directory. */
export class NoDaemonError extends Error {
  constructor(
    readonly runDirectory: string,
    options?: ErrorOptions,
  ) {
    super(`no daemon is running with the run directory ${runDirectory}`, options);
    this.name = 'NoDaemonError';
  }
}

/** There may be a daemon, but it can't be asked. */
export class DaemonError extends Error {
  constructor(
    readonly code: 'denied' | 'unresponsive' | 'unreadable' | 'refused',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'DaemonError';
  }
}

/** One request to the daemon of a run directory. Rejects with NoDaemonError or DaemonError. */
export async function askDaemon(runDirectory: string, request: Request, patienceMs: number): Promise<Answer> {
  const address = await openSocketAddress(runDirectory).catch((error: unknown) => {
    throw connectError(error, runDirectory);
  });
  try {
    return parseAnswer(await exchange(address.path, `${JSON.stringify(request)}\n`, patienceMs), runDirectory);
  } catch (error) {
    throw connectError(error, runDirectory);
  } finally {
    await address.close();
  }
}

function exchange(path: string, line: string, patienceMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path, () => socket.write(line));
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new DaemonError('unresponsive', `the daemon did not answer within ${patienceMs / 1000} s`));
    }, patienceMs);
    const chunks: string[] = [];
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => chunks.push(chunk));
    socket.once('error', reject);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(chunks.join(''));
    });
  });
}

function parseAnswer(text: string, runDirectory: string): Answer {
  let answer: Answer;
  try {
    answer = JSON.parse(text);
  } catch (cause) {
    const message = `the daemon on ${socketFile(runDirectory)} ended the connection without a complete answer`;
    throw new DaemonError('unreadable', message, { cause });
  }
  if ('error' in answer) throw new DaemonError('refused', `the daemon refused the request: ${answer.error}`);
  return answer;
}

function connectError(error: unknown, runDirectory: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const cause = { cause: error };
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED':
      return new NoDaemonError(runDirectory, cause);
    case 'EACCES':
    case 'EPERM':
      return new DaemonError('denied', `no permission to use ${socketFile(runDirectory)}: try it as root`, cause);
    case 'EAGAIN':
      return new DaemonError(
        'unresponsive',
        `the daemon on ${socketFile(runDirectory)} takes no more connections`,
        cause,
      );
    default:
      return error;
  }
}
