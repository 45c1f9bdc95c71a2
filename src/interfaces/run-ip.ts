import { execa } from 'execa';
import { InterfaceError } from './interface-error.js';
import type { IpCommand, Monitor } from './ip-command.js';
import { untilSubscribed } from './netlink-subscription.js';

/** A listing of 5000 interfaces takes 0.06 s. */
const LIST_TIMEOUT_MS = 10_000;
/** A dump of the kernel that changes came into may lack interfaces; with ceaseless changes it always does. */
const LIST_ATTEMPTS = 3;

const MONITOR = ['-o', 'monitor', 'link', 'address'];
/** Messages of ip are looked at. */
const env = { LC_ALL: 'C' };

/** The real `ip` command; `command` can run it elsewhere: `['ip', '-n', 'NAMESPACE']`. */
export function runIp(command: readonly [string, ...string[]] = ['ip']): IpCommand {
  const [file, ...prefix] = command;
  return {
    list: (index, signal) => list(file, prefix, index, signal),
    monitor: (onLine, onEnd) => monitor(file, [...prefix, ...MONITOR], onLine, onEnd),
  };
}

async function list(
  file: string,
  prefix: readonly string[],
  index: number | undefined,
  signal: AbortSignal,
): Promise<string> {
  // A name could mean another device by the time that ip runs; `ifINDEX` is also understood, if no device has that name.
  const args = [...prefix, '-j', 'address', 'show', ...(index === undefined ? [] : ['dev', `if${index}`])];
  for (let attempt = 1; ; attempt++) {
    const options = { env, stdin: 'ignore', reject: false, cancelSignal: signal, timeout: LIST_TIMEOUT_MS } as const;
    const result = await execa(file, args, options);
    const absent = index !== undefined && /No such device|does not exist/.test(result.stderr);
    if (absent) return '[]';
    const interrupted = result.stderr.includes('Dump was interrupted');
    // ip reports some errors of the kernel only as text, with status 0.
    if (result.failed || (result.stderr !== '' && !interrupted)) throw listError([file, ...args], result);
    if (!interrupted || attempt === LIST_ATTEMPTS) return result.stdout;
  }
}

/** How a process of ip ended, as execa tells. */
interface Ended {
  readonly stderr?: string | undefined;
  readonly code?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly originalMessage?: string | undefined;
  readonly timedOut: boolean;
}

function listError(command: readonly string[], ended: Ended): InterfaceError {
  const what = `"${command.join(' ')}"`;
  if (isMissing(ended)) return new InterfaceError('missing', NOT_FOUND);
  if (ended.timedOut) return new InterfaceError('timeout', `${what} took longer than ${LIST_TIMEOUT_MS / 1000} s`);
  return new InterfaceError('failed', `${what} failed: ${ended.stderr || describeEnd(ended)}`);
}

const NOT_FOUND = 'the command "ip" was not found: install iproute2';

function isMissing(ended: Ended): boolean {
  return ended.code === 'ENOENT';
}

function describeEnd(ended: Ended): string {
  if (ended.signal !== undefined) return `signal ${ended.signal}`;
  if (ended.exitCode !== undefined) return `exit status ${ended.exitCode}`;
  return ended.originalMessage ?? 'an unknown reason';
}

function monitor(
  file: string,
  args: readonly string[],
  onLine: (line: string) => void,
  onEnd: (reason: string) => void,
): Monitor {
  const subprocess = execa(file, args, { env, stdin: 'ignore', buffer: false, reject: false });
  let ended = false;
  const end = (reason: string): void => {
    if (ended) return;
    ended = true;
    subprocess.kill();
    onEnd(`following the interfaces with "${[file, ...args].join(' ')}" failed: ${reason}`);
  };
  subprocess.stdout.setEncoding('utf8').on(
    'data',
    byLine((line) => {
      if (!ended) onLine(line);
    }),
  );
  // It goes on after "netlink receive error No buffer space available", but the events are lost.
  subprocess.stderr.setEncoding('utf8').on(
    'data',
    byLine((line) => end(line)),
  );
  const exited = subprocess.then((result) => {
    end(isMissing(result) ? NOT_FOUND : `it ended with ${describeEnd(result)}`);
  });
  return {
    following: subprocess.pid === undefined ? exited : untilSubscribed(subprocess.pid, () => ended),
    stop: async () => {
      ended = true;
      subprocess.kill();
      await exited;
    },
  };
}

function byLine(onLine: (line: string) => void): (chunk: string) => void {
  let rest = '';
  return (chunk) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  };
}
