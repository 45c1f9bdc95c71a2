import type { Readable } from 'node:stream';
import { ExecaError, execa } from 'execa';
import { type Driver, NftError, type Script, type Watch } from './driver.js';
import { refusal } from './nft-error.js';
import { nftMonitor } from './nft-monitor.js';
import { nftSession } from './nft-session.js';
import { isOlder, nftVersion, OLDEST_NFT } from './nft-version.js';
import { ownProcesses } from './own-processes.js';
import { parseListing } from './parse-listing.js';
import { objectName } from './safe-text.js';

export interface NftCommandOptions {
  /** How to run nft, `['nft']` by default; another namespace for example: `['ip', 'netns', 'exec', NAME, 'nft']`. */
  readonly command?: readonly [string, ...string[]];
  /** How long one run may take: 30 by default. */
  readonly timeoutSeconds?: number;
  /** Small transactions go to an nft that stays, where that works. */
  readonly session?: boolean;
}

/** How many times as long as another run a reading may take: the kernel's time for it grows with the square of a set. */
const READ_TIMES = 10;

/** Numbers instead of names, which differ between hosts (/etc/protocols, /etc/services) and versions. */
const LISTING = ['-j', '-n', '-n', '-y', 'list', 'table', 'inet'] as const;

/**
 * The kernel by way of the `nft` command: a process for each transaction, or one that stays for the small ones,
 * and `nft monitor` to follow others.
 * Needs CAP_NET_ADMIN in the network namespace.
 */
export function nftCommand({
  command = ['nft'],
  timeoutSeconds = 30,
  session = false,
}: NftCommandOptions = {}): Driver {
  const own = ownProcesses();
  const staying = session ? nftSession({ command, timeoutSeconds, own }) : undefined;
  const [file, ...before] = command;
  const common = { env: { LC_ALL: 'C' }, timeout: timeoutSeconds * 1000 };
  const run = (args: readonly string[], input = '') => {
    const child = execa(file, [...before, ...args], { ...common, input });
    return { pid: child.pid, output: child.then(({ stdout }) => stdout) };
  };
  const runScript = async (args: readonly string[], script: Script): Promise<void> => {
    const { pid, output } = run(args, script.text);
    const commits = args.length === 2;
    if (commits) own.started(pid);
    try {
      await output;
    } catch (error) {
      own.ended(pid);
      throw failure(error, timeoutSeconds) ?? refusal(stderrOf(error), script, error);
    }
  };
  return {
    name: session ? 'nft' : 'nft-spawn',
    async usable() {
      let printed: string;
      try {
        printed = await run(['--version']).output;
      } catch (error) {
        throw failure(error, timeoutSeconds) ?? unreadable(error);
      }
      const version = nftVersion(printed);
      if (!isOlder(version, OLDEST_NFT)) return;
      const message = `nft ${version} is too old: Margay needs ${OLDEST_NFT} or newer; upgrade the package nftables`;
      throw new NftError('outdated', message);
    },
    async apply(script) {
      if (await staying?.apply(script)) return;
      await runScript(['-f', '-'], script);
    },
    check: (script) => runScript(['--check', '-f', '-'], script),
    async has(table) {
      try {
        // Other listings read all rules and elements first.
        const { output } = run(['list', 'chains', 'inet']);
        return (await output).split('\n').includes(`table inet ${objectName(table)} {`);
      } catch (error) {
        throw failure(error, timeoutSeconds) ?? unreadable(error);
      }
    },
    async read(table, { expected, signal } = {}) {
      const child = execa(file, [...before, ...LISTING, objectName(table)], {
        ...common,
        timeout: READ_TIMES * common.timeout,
        stdin: 'ignore',
        buffer: { stdout: false, stderr: true },
        ...(signal ? { cancelSignal: signal } : {}),
      });
      const output = child.stdout.setEncoding('utf8');
      const [ended, content] = await Promise.allSettled([child, whole(output, (text) => parseListing(text, expected))]);
      if (ended.status === 'rejected' && isNoSuchTable(ended.reason)) return undefined;
      if (ended.status === 'rejected')
        throw failure(ended.reason, READ_TIMES * timeoutSeconds) ?? unreadable(ended.reason);
      if (content.status === 'rejected') throw content.reason;
      return content.value;
    },
    watch: (table, listener): Watch => nftMonitor({ command, table: objectName(table), own, listener }),
    close: async () => staying?.close(),
  };
}

/** What is not read of the output after an error is thrown away: nft would wait for somebody to read it. */
async function whole<T>(output: Readable, read: (chunks: AsyncIterable<string>) => Promise<T>): Promise<T> {
  try {
    return await read(output.iterator({ destroyOnReturn: false }));
  } finally {
    output.resume();
  }
}

/** An error that says nothing about the script. */
function failure(error: unknown, timeoutSeconds: number): NftError | undefined {
  if (!(error instanceof ExecaError))
    return new NftError('unreadable', String(error), undefined, undefined, { cause: error });
  const options = { cause: error };
  if (error.timedOut) {
    return new NftError(
      'timeout',
      `nft took longer than ${timeoutSeconds} s and was stopped`,
      undefined,
      undefined,
      options,
    );
  }
  if (error.code === 'ENOENT' || error.code === 'EACCES') {
    const message = `nft can't be started: ${error.originalMessage ?? error.code}; is the package nftables installed?`;
    return new NftError('missing', message, undefined, undefined, options);
  }
  if (/Operation not permitted|must be root/.test(stderrOf(error))) {
    const message = 'nft may not use nf_tables here: run as root, or with the capability CAP_NET_ADMIN';
    return new NftError('forbidden', message, undefined, undefined, options);
  }
  if (error.isTerminated || error.isMaxBuffer || stderrOf(error).trim() === '' || NO_RESOURCES.test(stderrOf(error))) {
    const message = `nft failed, whatever it was given: ${stderrOf(error).trim() || error.shortMessage}`;
    return new NftError('failed', message, undefined, undefined, options);
  }
  return undefined;
}

/** Of the kernel: these would be the fault of whatever policy is tried at that moment. */
const NO_RESOURCES = /Cannot allocate memory|No buffer space available|Resource temporarily unavailable/;

/** `ip netns exec` says "No such file or directory" too, for the namespace. */
function isNoSuchTable(error: unknown): boolean {
  return /^Error: No such file or directory\b.*\nlist table /m.test(stderrOf(error));
}

function unreadable(error: unknown): NftError {
  const message = stderrOf(error).trim() || (error instanceof Error ? error.message : String(error));
  return new NftError('unreadable', `nft can't list the table: ${message}`, undefined, undefined, { cause: error });
}

function stderrOf(error: unknown): string {
  return error instanceof ExecaError && typeof error.stderr === 'string' ? error.stderr : '';
}
