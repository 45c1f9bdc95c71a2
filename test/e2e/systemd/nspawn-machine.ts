import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createMachine, type Machine, run, succeed } from '../machine.js';
import { until } from '../until.js';

export interface Container {
  readonly name: string;
  readonly address: string;
  /** The read-only root that it has a layer over. */
  readonly root: string;
  /** Gets its layer and log. On a file system of this run. */
  readonly directory: string;
  /** A directory of this machine that it sees as /srv/shared. */
  readonly shared: string;
  readonly bridge: string;
}

/** A machine whose kernel is ours but for its namespaces. */
export interface ContainerMachine extends Machine {
  /** What it wrote to its console. */
  readonly log: string;
  end(): Promise<void>;
}

const POWER_OFF = 'RTMIN+4';
const SERVICES_MS = 90;

/** Boots a Debian in systemd-nspawn, with a network namespace that is new at each start: no rule outlives it. */
export async function startContainer(container: Container): Promise<ContainerMachine> {
  const { name, address, directory } = container;
  const [upper, work, root] = ['upper', 'work', 'root'].map((part) => join(directory, part));
  // What the root was made with would beat --hostname.
  mkdirSync(join(`${upper}`, 'etc'), { recursive: true });
  writeFileSync(join(`${upper}`, 'etc/hostname'), `${name}\n`);
  const log = join(directory, 'console.log');
  for (const path of [upper, work, root]) mkdirSync(path ?? '', { recursive: true });
  await succeed([
    'mount',
    '-t',
    'overlay',
    'overlay',
    '-o',
    `lowerdir=${container.root},upperdir=${upper},workdir=${work}`,
    `${root}`,
  ]);
  const group = `margay-e2e-${name}`;
  const cgroup = join(hierarchies('cgroup2')[0] ?? '', group);
  let supervisor: ChildProcess | undefined;
  let leader = 0;

  const enter = (argv: readonly string[]) => ['nsenter', '-t', String(leader), '-a', '--', 'env', '-i', PATH, ...argv];
  const boot = async () => {
    await cable(container);
    mkdirSync(cgroup, { recursive: true });
    const file = openSync(log, 'a');
    // A cgroup for each: with --keep-unit those started from one would share its `payload`.
    const joinCgroup = 'echo $$ >"$0/cgroup.procs" && exec "$@"';
    supervisor = spawn('sh', ['-c', joinCgroup, cgroup, ...nspawn(container, `${root}`)], {
      stdio: ['ignore', file, file],
      env: {
        ...process.env,
        SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1',
        SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'network',
      },
    });
    closeSync(file);
    const { pid = 0 } = supervisor;
    leader = await until(
      async () => {
        if (supervisor?.exitCode !== null) throw new Error(`${name} did not start:\n${readFileSync(log, 'utf8')}`);
        return leaderOf(pid);
      },
      (found) => found > 0,
      `${name} has a systemd`,
    );
    await until(
      async () => (await run(enter(['systemctl', 'is-system-running', '--wait']))).stdout,
      (state) => state === 'running' || state === 'degraded',
      `${name} has booted`,
      SERVICES_MS,
    );
  };
  const halt = async (signal: string) => {
    if (supervisor === undefined) return;
    const ended = once(supervisor, 'exit', { signal: AbortSignal.timeout(60_000) });
    await succeed(['kill', '-s', signal, String(leader)]);
    await ended;
    supervisor = undefined;
    await run(['ip', 'netns', 'del', name]);
    await run(['ip', 'link', 'del', `v-${name}`]);
  };

  await boot();
  return {
    log,
    ...createMachine({
      name,
      address,
      slowness: 1,
      enter,
      reboot: async () => {
        await halt(POWER_OFF);
        await boot();
      },
      powerCut: async () => {
        await halt('KILL');
        await boot();
      },
    }),
    end: async () => {
      await halt('KILL');
      await succeed(['umount', `${root}`]);
      // nspawn makes one in the hierarchy of a systemd of old, too.
      for (const hierarchy of hierarchies('cgroup'))
        if (existsSync(join(hierarchy, group))) removeCgroup(join(hierarchy, group));
    },
  };
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function nspawn({ name, shared }: Container, root: string): string[] {
  return [
    'systemd-nspawn',
    '--quiet',
    '--boot',
    `--directory=${root}`,
    `--machine=${name}`,
    `--hostname=${name}`,
    `--network-namespace-path=/run/netns/${name}`,
    // Unlike --private-network, a namespace that is given does not bring the capability.
    '--capability=CAP_NET_ADMIN',
    `--bind=${shared}:/srv/shared`,
    '--register=no',
    '--keep-unit',
    '--console=pipe',
    '--link-journal=no',
    '--resolv-conf=off',
    '--timezone=off',
  ];
}

/** The interface is down and has no address: the node's own network service brings it up, after what must be there before. */
async function cable({ name, address, bridge }: Container): Promise<void> {
  // The same at each start, as of a real card: neighbours remember it.
  const mac = `02:00:0a:58:00:${Number(address.split('.')[3]).toString(16).padStart(2, '0')}`;
  await succeed(['ip', 'netns', 'add', name]);
  await succeed([
    'ip',
    'link',
    'add',
    `v-${name}`,
    'type',
    'veth',
    'peer',
    'name',
    'eth1',
    'address',
    mac,
    'netns',
    name,
  ]);
  await succeed(['ip', 'link', 'set', `v-${name}`, 'master', bridge, 'up']);
}

function leaderOf(supervisor: number): number {
  const children = readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, 'utf8').split(' ').filter(Boolean);
  return Number(children.find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'systemd') ?? 0);
}

/** Where control groups of this type are mounted; of all, for `cgroup`. */
function hierarchies(type: 'cgroup' | 'cgroup2'): string[] {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const found = mounts.filter(([, , of = '']) => of.startsWith(type)).map(([, path = '']) => path);
  if (found.length === 0) throw new Error(`no ${type} is mounted; systemd-nspawn needs one`);
  return found;
}

/** Only what has no processes can be removed. */
function removeCgroup(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(path, entry.name));
  }
  rmdirSync(path);
}
