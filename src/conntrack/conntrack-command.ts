import { execa } from 'execa';
import { type Conntrack, ConntrackError } from './conntrack.js';

/** Each run reads the whole table: 0.2 s with 100 000 connections. */
const TIMEOUT_MS = 5_000;
/** It fails now and then without a reason (Calico: felix/conntrack/conntrack.go). */
const ATTEMPTS = 4;

/** NAT changes the other two: who opened a connection is its original source, who answers is the source of its replies. */
const DIRECTIONS = ['--orig-src', '--reply-src'] as const;

/** The real `conntrack` command (conntrack-tools); `command` can run it elsewhere: `['ip', 'netns', 'exec', 'NAMESPACE', 'conntrack']`. */
export function conntrackCommand(command: readonly [string, ...string[]] = ['conntrack']): Conntrack {
  const [file, ...prefix] = command;
  return {
    async deleteConnections(address) {
      const family = address.includes(':') ? 'ipv6' : 'ipv4';
      const runs = DIRECTIONS.map((direction) =>
        deleteBy(file, [...prefix, '--family', family, '--delete', direction, address]),
      );
      await Promise.all(runs);
    },
  };
}

async function deleteBy(file: string, args: readonly string[]): Promise<void> {
  const options = {
    env: { LC_ALL: 'C' },
    stdin: 'ignore',
    stdout: 'ignore',
    reject: false,
    timeout: TIMEOUT_MS,
  } as const;
  for (let attempt = 1; ; attempt++) {
    const { failed, code, timedOut, stderr, exitCode } = await execa(file, args, options);
    // That there is none of them is told by status 1, too.
    if (!failed || /\b0 flow entries\b/.test(stderr)) return;
    if (code === 'ENOENT')
      throw new ConntrackError('missing', 'the command "conntrack" was not found: install conntrack');
    const what = `"${[file, ...args].join(' ')}"`;
    if (timedOut) throw new ConntrackError('timeout', `${what} took longer than ${TIMEOUT_MS / 1000} s`);
    if (attempt === ATTEMPTS)
      throw new ConntrackError('failed', `${what} failed: ${stderr.trim() || `exit status ${exitCode}`}`);
  }
}
