import { execFileSync } from 'node:child_process';

/** A network namespace for one test file, removed at its end; those of test runs that crashed are removed at the start. */
export interface NftNamespace {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Runs nft in it, as somebody else would. */
  nft(...args: readonly string[]): string;
  remove(): void;
}

const PREFIX = 'margay-nft-test-';

/** Why there can be none here, in words for who runs the tests. */
export function whyNoNamespace(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  try {
    execFileSync('nft', ['--version'], { stdio: 'ignore' });
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
  } catch {
    return 'needs nft and ip';
  }
  return undefined;
}

export function nftNamespace(): NftNamespace {
  removeOld();
  const name = `${PREFIX}${process.pid}`;
  execFileSync('ip', ['netns', 'add', name]);
  const command = ['ip', 'netns', 'exec', name, 'nft'] as const;
  return {
    name,
    command,
    nft: (...args) =>
      execFileSync('ip', [...command.slice(1), ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 30_000,
      }),
    remove: () => void execFileSync('ip', ['netns', 'del', name]),
  };
}

function removeOld(): void {
  const names = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).split('\n');
  for (const line of names) {
    const [name = ''] = line.split(' ');
    if (name.startsWith(PREFIX) && !isAlive(Number(name.slice(PREFIX.length))))
      execFileSync('ip', ['netns', 'del', name]);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
