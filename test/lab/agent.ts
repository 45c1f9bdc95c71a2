import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Status } from '../../src/observe/status.js';
import { margayCommand } from './checkout.js';
import { inNamespace, systemPath } from './command.js';
import { type DaemonProcess, daemonProcess, lastLines } from './daemon-process.js';
import { unitEnvironment } from './unit-environment.js';

export interface AgentOptions {
  /** A directory as the file datastore reads it, or the URL of another datastore. */
  readonly resources: string;
  /** Further arguments of `margay run`. */
  readonly args?: readonly string[];
  /** Default: a directory of the lab. */
  readonly runDirectory?: string;
  /** How long to wait until it is ready. Default: 20 s; 0: not at all. */
  readonly readySeconds?: number;
}

/** The real daemon as a child process in the namespace of the node. */
export interface Agent extends DaemonProcess {
  readonly logFile: string;
  readonly runDirectory: string;
  /** Starts it (again) and waits until it is ready; throws with the end of its log if it does not get there. */
  start(): Promise<void>;
  /** SIGTERM; its exit status. Throws if it does not end within 10 s. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** `margay status --json`; with `wait`, once what is in the datastore now is in force. */
  status(options?: { readonly waitSeconds?: number }): Promise<Status>;
  /** Another command of `margay` in the namespace of the node, with its run directory. */
  margay(argv: readonly string[]): Promise<CommandResult>;
}

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | undefined;
}

/** What the settings of whoever runs the lab would change in the daemon. */
const FOREIGN =
  /^(MARGAY_|FELIX_|ETCD_|KUBE|NOTIFY_SOCKET|LISTEN_|STATE_DIRECTORY|RUNTIME_DIRECTORY|WATCHDOG_|NODE_|TAP)/;

/** The environment of the commands in a lab: ours without what would configure Margay or Node.js. */
export function cleanEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name, value]) => value !== undefined && !FOREIGN.test(name));
  return { ...(Object.fromEntries(kept) as Record<string, string>), PATH: systemPath() };
}

/** An agent that has not been started yet. `directory` gets its log, and its run directory unless another one is named. */
export function createAgent(namespace: string, node: string, directory: string, options: AgentOptions): Agent {
  const runDirectory = options.runDirectory ?? join(directory, 'run');
  const logFile = join(directory, 'agent.log');
  const datastore = options.resources.startsWith('/') ? `file:${options.resources}` : options.resources;
  const running = ['run', '--node', node, '--datastore', datastore, '--run-dir', runDirectory, '--no-health'];
  mkdirSync(directory, { recursive: true });
  const command = inNamespace(namespace, [...margayCommand, ...running, ...(options.args ?? [])]);
  const daemon = daemonProcess(command, logFile, { ...cleanEnvironment(), ...unitEnvironment() });
  const { pid, log, signal, exited } = daemon;
  const margay = (argv: readonly string[], timeout = 60_000) =>
    runMargay(inNamespace(namespace, [...margayCommand, ...argv, '--run-dir', runDirectory]), timeout);

  const status = async ({ waitSeconds }: { readonly waitSeconds?: number } = {}): Promise<Status> => {
    const wait = waitSeconds === undefined ? [] : [`--wait=${waitSeconds}`];
    const result = await margay(['status', '--json', ...wait], ((waitSeconds ?? 0) + 15) * 1000);
    if (result.exitCode !== 0 && (waitSeconds !== undefined || result.stdout === '')) {
      throw new Error(`margay status ended with ${result.exitCode}: ${result.stderr}\n${lastLines(log())}`);
    }
    return JSON.parse(result.stdout) as Status;
  };
  const start = async () => {
    await daemon.start();
    const { readySeconds = 20 } = options;
    if (readySeconds > 0) await untilReady(readySeconds, pid, log, status);
  };
  return {
    ...daemon,
    logFile,
    runDirectory,
    start,
    stop: () => {
      signal('SIGTERM');
      return exited();
    },
    kill: async () => {
      signal('SIGKILL');
      await exited();
    },
    status,
    margay: (argv) => margay(argv),
  };
}

async function untilReady(
  seconds: number,
  pid: () => number | undefined,
  log: () => string,
  status: Agent['status'],
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    // There is no socket to ask for the first moments.
    const problem = await status({ waitSeconds: Math.ceil(seconds) }).then(
      () => undefined,
      (error: Error) => error,
    );
    if (problem === undefined) return;
    if (pid() === undefined) throw new Error(`the agent ended by itself:\n${lastLines(log())}`);
    if (performance.now() > deadline) throw problem;
  }
}

/** Runs a command line of margay to its end, whatever that is. */
export async function runMargay([command = '', ...args]: readonly string[], timeout = 60_000): Promise<CommandResult> {
  const options = {
    reject: false,
    timeout,
    env: cleanEnvironment(),
    extendEnv: false,
    stripFinalNewline: false,
  } as const;
  const { stdout, stderr, exitCode } = await execa(command, args, options);
  return { stdout, stderr, exitCode };
}
