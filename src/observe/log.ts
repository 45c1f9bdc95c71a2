import { fstatSync } from 'node:fs';
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import type { LogFormat, LogLevel } from './log-level.js';

/**
 * The daemon's log. Keys are Calico's words in camel case where it has one: `node`, `tier`, `policy`, `profile`,
 * `hostEndpoint`, `workloadEndpoint`, `networkSet`, `interface`; an error is `err`.
 */
export type Log = Logger;

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Standard output is a terminal. */
  readonly terminal: boolean;
  readonly color?: boolean | undefined;
  /** $JOURNAL_STREAM, with which systemd tells whether its journal reads standard output. */
  readonly journalStream?: string | undefined;
  /** In every line. */
  readonly base?: Readonly<Record<string, unknown>> | undefined;
  /** Instead of standard output. */
  readonly destination?: DestinationStream | undefined;
}

/** Lines are written synchronously and in order; those after the reader has gone (EPIPE) are dropped by pino. */
export async function createLog(options: LogOptions): Promise<Log> {
  const settings: LoggerOptions = {
    level: options.level,
    base: options.base ?? null,
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  const destination = options.destination ?? pino.destination({ dest: 1, sync: true });
  if (options.format === 'pretty' || (options.format === 'auto' && options.terminal)) {
    const { prettyDestination } = await import('./pretty-destination.js');
    return pino(settings, prettyDestination(destination, options.color ?? options.terminal));
  }
  settings.formatters = { level: (label) => ({ level: label }) };
  return pino(settings, isJournal(options.journalStream, 1) ? journalDestination(destination) : destination);
}

/** Whether the journal reads a file descriptor: systemd.exec(5) has programs compare device and inode. */
export function isJournal(journalStream: string | undefined, fd: number): boolean {
  if (!journalStream) return false;
  const { dev, ino } = fstatSync(fd);
  return journalStream === `${dev}:${ino}`;
}

/** sd-daemon(3): journald takes a leading `<N>` as the line's priority and strips it. */
export function journalDestination(destination: DestinationStream): DestinationStream {
  return {
    [Symbol.for('pino.metadata')]: true,
    lastLevel: pino.levels.values.info,
    write(this: { lastLevel: number }, line: string) {
      destination.write(`<${syslogPriority(this.lastLevel)}>${line}`);
    },
  } as DestinationStream;
}

function syslogPriority(level: number): number {
  if (level >= 60) return 2;
  if (level >= 50) return 3;
  if (level >= 40) return 4;
  return level >= 30 ? 6 : 7;
}
