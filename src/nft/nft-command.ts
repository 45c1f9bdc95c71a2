import { ExecaError, execa } from 'execa';
import { type Driver, NftError, type Script, type TableContent, type Watch } from './driver.js';
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

/** 10 000 chains are 20 MB as JSON. */
const LARGEST_OUTPUT = 500_000_000;

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
  const run = (args: readonly string[], input = '') => {
    const [file, ...before] = command;
    const child = execa(file, [...before, ...args], {
      input,
      env: { LC_ALL: 'C' },
      timeout: timeoutSeconds * 1000,
      maxBuffer: LARGEST_OUTPUT,
    });
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
    async read(table): Promise<TableContent | undefined> {
      try {
        // Numbers instead of names, which differ between hosts (/etc/protocols, /etc/services) and versions.
        return parseListing(await run(['-j', '-n', '-n', '-y', 'list', 'table', 'inet', objectName(table)]).output);
      } catch (error) {
        if (error instanceof NftError) throw error;
        if (isNoSuchTable(error)) return undefined;
        throw failure(error, timeoutSeconds) ?? unreadable(error);
      }
    },
    watch: (table, listener): Watch => nftMonitor({ command, table: objectName(table), own, listener }),
    close: async () => staying?.close(),
  };
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
