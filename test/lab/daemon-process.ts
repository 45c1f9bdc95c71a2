import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** A program that runs until it is told to end, and can be started again; all it writes goes to a file. */
export interface DaemonProcess {
  /** Of the running process; undefined before it started and after it ended. */
  pid(): number | undefined;
  /** Resolves once there is a process; what it does is not waited for. */
  start(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit status once it has ended by itself, or throws after some seconds. */
  exited(seconds?: number): Promise<number | null>;
  /** What it has written since its last start. */
  log(): string;
}

/** A process that has not been started yet. `argv` must stay one process, whose id is that of the program. */
export function daemonProcess(
  argv: readonly string[],
  logFile: string,
  env: Readonly<Record<string, string>>,
): DaemonProcess {
  let child: ChildProcess | undefined;
  let logStart = 0;
  const log = () => readFileSync(logFile).subarray(logStart).toString();
  const pid = () =>
    child !== undefined && child.exitCode === null && child.signalCode === null ? child.pid : undefined;
  return {
    pid,
    log,
    async start() {
      const file = openSync(logFile, 'a');
      logStart = readFileSync(logFile).length;
      // It dies with us, whatever happens to us.
      child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], { stdio: ['ignore', file, file], env });
      closeSync(file);
      await once(child, 'spawn');
    },
    signal(name) {
      if (pid() !== undefined) child?.kill(name);
    },
    async exited(seconds = 10) {
      if (pid() !== undefined && child !== undefined) {
        const signal = AbortSignal.timeout(seconds * 1000);
        await once(child, 'exit', { signal }).catch(() => {
          throw new Error(`it did not end within ${seconds} s:\n${lastLines(log())}`);
        });
      }
      return child?.exitCode ?? null;
    },
  };
}

export function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-15).join('\n');
}
