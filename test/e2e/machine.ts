import { dirname } from 'node:path';
import { execa } from 'execa';

/** A machine of the layers that have one: a container with systemd, or a virtual machine. */
export interface Machine extends MachineDriver {
  /** Runs a command as root to its end, whatever that is. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<CommandResult>;
  /** The same, and throws unless it succeeds; its standard output without the last line end. */
  must(argv: readonly string[], options?: ExecOptions): Promise<string>;
  /** The same for a script of the shell. */
  sh(script: string, options?: ExecOptions): Promise<string>;
  /** Writes a file by rename, with its directory. */
  put(path: string, text: string): Promise<void>;
}

/** What each layer brings itself. */
export interface MachineDriver {
  readonly name: string;
  /** On the network of the tests, on which policy works: `eth1`. */
  readonly address: string;
  /** By how much all time-outs are longer than those for a container. */
  readonly slowness: number;
  /** The command line that runs a command in it as root, with its standard input and output. */
  enter(argv: readonly string[]): string[];
  /** Shuts it down and starts it again, with a new kernel's tables; until systemd says that it runs. */
  reboot(): Promise<void>;
  /** The same without a shut-down. */
  powerCut(): Promise<void>;
}

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | undefined;
}

export interface ExecOptions {
  readonly input?: string;
  /** Default: 60, and for a machine that many times longer as it is slower. */
  readonly seconds?: number;
}

const DEFAULT_SECONDS = 60;

/** A machine from its driver. */
export function createMachine(driver: MachineDriver): Machine {
  const exec: Machine['exec'] = (argv, options = {}) =>
    run(driver.enter(argv), { ...options, seconds: (options.seconds ?? DEFAULT_SECONDS) * driver.slowness });
  const must: Machine['must'] = async (argv, options) => {
    const { stdout, stderr, exitCode } = await exec(argv, options);
    if (exitCode === 0) return stdout;
    const said = [stderr.trim(), stdout.slice(-1000)].filter((text) => text !== '').join('\n');
    throw new Error(`${driver.name}: ${argv.join(' ')}: status ${exitCode ?? 'none'}\n${said}`);
  };
  return {
    ...driver,
    exec,
    must,
    sh: (script, options) => must(['sh', '-euc', script], options),
    put: async (path, text) => {
      const script = 'mkdir -p "$1" && cat >"$2.new" && mv "$2.new" "$2"';
      await must(['sh', '-euc', script, 'sh', dirname(path), path], { input: text });
    },
  };
}

/** Runs a command line of this machine to its end; no shell is involved. */
export async function run([command = '', ...args]: readonly string[], options: ExecOptions = {}) {
  const { input = '', seconds = DEFAULT_SECONDS } = options;
  const { stdout, stderr, exitCode } = await execa(command, args, { reject: false, input, timeout: seconds * 1000 });
  return { stdout, stderr, exitCode } satisfies CommandResult;
}

/** The same, and throws unless it succeeds. */
export async function succeed(argv: readonly string[], options?: ExecOptions): Promise<string> {
  const { stdout, stderr, exitCode } = await run(argv, options);
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stderr.trim() || `status ${exitCode ?? 'none'}`}`);
  return stdout;
}
