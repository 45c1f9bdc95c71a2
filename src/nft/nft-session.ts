import { readFile } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { type ExecaError, execa } from 'execa';
import { NftError, type Script } from './driver.js';
import type { OwnProcesses } from './own-processes.js';

export interface NftSessionOptions {
  readonly command: readonly [string, ...string[]];
  readonly timeoutSeconds: number;
  readonly own: OwnProcesses;
  /** After so many seconds without a transaction the process ends; the next one starts another. */
  readonly idleSeconds?: number;
}

/** An nft that stays, and takes transactions one after another. Calls are made one after another. */
export interface NftSession {
  /**
   * `false`: nothing of it is in force, and it is to be tried by a process of its own, which has room for more and says
   * exactly what is wrong. Throws NftError if it may be in force or not.
   */
  apply(script: Script): Promise<boolean>;
  close(): Promise<void>;
}

/** It reads its standard input byte by byte: beyond this another process is faster, and it would stay large. */
const LONGEST = 16_384;
/** It prints this, and nothing for a transaction that succeeds. Not `list tables`, which would read the whole ruleset. */
const MARKER = 'describe mark\n';
const MARKED = /^meta expression, .*\n/m;
/** What it has allocated for large tables it keeps: then a new one takes its place. */
const LARGEST_PAGES = 16_384;
/** Where it does not work, another try is made after so long. */
const RETRY_MS = 60_000;

interface Running {
  readonly pid: number | undefined;
  readonly ended: Promise<unknown>;
  send(line: string): Promise<{ readonly errors: string }>;
  end(): void;
  kill(): void;
}

/**
 * Saves the start of a process for each transaction, and the wait for the kernel's grace period at its end, which takes longer:
 * 0.2 ms instead of 3 to 16. Needs nothing but `nft -i` with a pipe, as of nft 1.0.6.
 */
export function nftSession({ command, timeoutSeconds, own, idleSeconds = 60 }: NftSessionOptions): NftSession {
  let running: Running | undefined;
  let notBefore = 0;
  let idle: NodeJS.Timeout | undefined;

  const session = async (): Promise<Running | undefined> => {
    if (running || performance.now() < notBefore) return running;
    const started = startSession(command, timeoutSeconds * 1000);
    try {
      if ((await started.send('')).errors === '') {
        running = started;
        void started.ended.then(() => forget(started));
        return started;
      }
    } catch {
      // Whatever the reason is: a process for each transaction tells it, or works.
    }
    started.kill();
    notBefore = performance.now() + RETRY_MS;
    return undefined;
  };

  const forget = (ended: Running): void => {
    if (running === ended) running = undefined;
  };

  const transact = async (active: Running, line: string): Promise<boolean> => {
    own.started(active.pid);
    try {
      const { errors } = await active.send(line);
      if (errors === '') return true;
    } catch (error) {
      forget(active);
      active.kill();
      throw error;
    }
    own.ended(active.pid);
    return false;
  };

  const rest = async (active: Running): Promise<void> => {
    if ((await residentPages(active.pid)) > LARGEST_PAGES) {
      forget(active);
      active.end();
    }
    idle = setTimeout(() => {
      forget(active);
      active.end();
    }, idleSeconds * 1000).unref();
  };

  return {
    async apply(script) {
      clearTimeout(idle);
      const line = oneLine(script);
      const active = line === undefined ? running : await session();
      if (!active) return false;
      const done = line !== undefined && (await transact(active, line));
      await rest(active);
      return done;
    },
    async close() {
      clearTimeout(idle);
      const last = running;
      running = undefined;
      last?.end();
      await last?.ended;
    },
  };
}

/** Without a terminal it drops bytes that are not ASCII, of comments. */
const ASCII = /^[\n\x20-\x7e]*$/;

/** A line is a transaction, and commands of several lines can't be told to it. */
function oneLine({ text, changes }: Script): string | undefined {
  if (
    text.length > LONGEST ||
    !ASCII.test(text) ||
    changes.some(({ object, op }) => object === 'table' && op === 'replace')
  )
    return undefined;
  return text.trimEnd().split('\n').join('; ');
}

function startSession([file, ...args]: readonly [string, ...string[]], timeoutMs: number): Running {
  const child = execa(file, [...args, '-i'], {
    // It keeps a history there, and can't.
    env: { LC_ALL: 'C', HOME: '/nonexistent' },
    stdin: 'pipe',
    buffer: false,
    reject: false,
  });
  let output = '';
  let errors = '';
  let marked: (() => void) | undefined;
  let lost: ((reason: NftError) => void) | undefined;
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    output += piece;
    if (!MARKED.test(output)) return;
    output = output.replace(MARKED, '');
    marked?.();
  });
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    errors += piece;
  });
  // Its end is told by `ended`.
  child.stdin.on('error', () => undefined);
  const ended = child.then((result) => lost?.(lostSession(result, errors)));
  const answered = (line: string) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(timeout(timeoutMs)), timeoutMs);
      const settle = (settled: () => void) => () => {
        clearTimeout(timer);
        settled();
      };
      marked = settle(resolve);
      lost = (reason) => settle(() => reject(reason))();
      child.stdin.write(line === '' ? MARKER : `${line}\n${MARKER}`);
    });
  return {
    pid: child.pid,
    ended,
    async send(line) {
      errors = '';
      if (child.exitCode !== undefined && child.exitCode !== null) throw new NftError('failed', 'nft has ended');
      await answered(line);
      // What was written to standard error before the marker has been read after this turn.
      await turn();
      return { errors };
    },
    end: () => void child.stdin.end(),
    kill: () => void child.kill('SIGKILL'),
  };
}

function lostSession(result: unknown, errors: string): NftError {
  const { shortMessage = 'nft has ended' } = result as Partial<ExecaError>;
  return new NftError('failed', `nft has ended in the middle of a transaction: ${errors.trim() || shortMessage}`);
}

function timeout(ms: number): NftError {
  return new NftError('timeout', `nft took longer than ${ms / 1000} s and was stopped`);
}

/** Of the process; 0 where the kernel does not tell. */
async function residentPages(pid: number | undefined): Promise<number> {
  try {
    return Number((await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')[1]) || 0;
  } catch {
    return 0;
  }
}
