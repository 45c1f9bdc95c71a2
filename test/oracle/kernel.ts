import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { accessSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Packet } from './packet.js';
import { INTERFACES, ROUTES, VIRTUAL } from './topology.js';

/** A network namespace with the topology of the worlds, and somebody in it who sends packets. */
export interface Kernel {
  /** Runs nft in the namespace. */
  readonly command: readonly [string, ...string[]];
  /**
   * For each packet what was seen of it, in order: `state ...` behind connection tracking, `lo`, and the hooks that it passed with
   * the addresses that it then had.
   */
  send(packets: readonly Packet[]): Promise<readonly (readonly string[])[]>;
  close(): Promise<void>;
}

const VERSIONS = [
  ['nft', '--version'],
  ['ip', '-Version'],
  ['unshare', '--version'],
  ['nsenter', '--version'],
  ['python3', '--version'],
] as const;

/** Why there can be none here, in words for who runs the tests. */
export function whyNoKernel(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  try {
    accessSync('/dev/net/tun');
    for (const [command, version] of VERSIONS) execFileSync(command, [version], { stdio: 'ignore' });
  } catch (error) {
    return `needs /dev/net/tun, nft, ip, unshare, nsenter and python3: ${error instanceof Error ? error.message : error}`;
  }
  return undefined;
}

const SCRIPT = fileURLToPath(new URL('kernel.py', import.meta.url));

/** Its namespace goes with its process. */
export async function startKernel(): Promise<Kernel> {
  const child = spawn('unshare', ['--net', 'python3', SCRIPT], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ask = asker(child);
  const interfaces = Object.fromEntries(INTERFACES.map(({ name, addresses }) => [name, addresses]));
  await ask({ interfaces, routes: ROUTES, virtual: VIRTUAL });
  return {
    // It has become the sender: unshare makes no other process.
    command: ['nsenter', `--net=/proc/${child.pid}/ns/net`, 'nft'],
    async send(packets) {
      const { events } = await ask({ packets });
      return events ?? [];
    },
    close: () =>
      new Promise((resolve) => {
        child.once('close', () => resolve());
        child.stdin.end();
      }),
  };
}

interface Answer {
  readonly events?: readonly (readonly string[])[];
  readonly error?: string;
}

function asker(child: ChildProcessWithoutNullStreams): (message: unknown) => Promise<Answer> {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  return async (message) => {
    child.stdin.write(`${JSON.stringify(message)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(`the sender has ended: ${complaint}`);
    const answer = JSON.parse(value) as Answer;
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  };
}
