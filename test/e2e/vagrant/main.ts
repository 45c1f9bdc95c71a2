import { deepStrictEqual, match, strictEqual } from 'node:assert';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { boot } from '../boot.js';
import { type Checks, createChecks } from '../checks.js';
import { doctor } from '../doctor.js';
import { run, succeed } from '../machine.js';
import { createMachineSite, type MachineSite } from '../machine-site.js';
import { margayService } from '../margay-service.js';
import { named } from '../scenarios.js';
import { play, playAll, probeLines } from '../site.js';
import { sshMachine } from './ssh-machine.js';

/**
 * `main.ts DIRECTORY VAGRANT [--short]`: brings up the machines of the Vagrantfile in VAGRANT, beside the libvirtd that is there.
 * `--short` starts the node again only once.
 */
const [directory = '', vagrantDirectory = '', ...options] = process.argv.slice(2);
const short = options.includes('--short');
const checks = createChecks();
const UP_SECONDS = 600;
const ADDRESSES = { node1: '10.88.0.11', node2: '10.88.0.12', client: '10.88.0.20' } as const;
type Name = keyof typeof ADDRESSES;

async function vagrant(args: readonly string[], seconds = 180): Promise<string> {
  const argv = ['env', '-C', vagrantDirectory, 'vagrant', ...args];
  const { stdout, stderr, exitCode } = await run(argv, { seconds });
  if (exitCode === 0) return stdout;
  throw new Error(
    `vagrant ${args.join(' ')}: status ${exitCode ?? 'none'}\n${stdout.slice(-3000)}\n${stderr.slice(-1000)}`,
  );
}

async function up(): Promise<MachineSite> {
  const { MARGAY_BOX_FILE: box, MARGAY_BOX: name = 'margay', VAGRANT_HOME: home = '' } = process.env;
  // Added again, it would be unpacked and uploaded again.
  if (box !== undefined && !existsSync(join(home, 'boxes', name)))
    await vagrant(['box', 'add', '--name', name, '--provider', 'libvirt', box]);
  await vagrant(['up', '--no-color'], UP_SECONDS);
  const sshConfig = join(directory, 'ssh-config');
  const shared = `Host *\n  ControlMaster auto\n  ControlPath ${directory}/ssh-%h\n  ControlPersist 600\n  ConnectTimeout 10\n`;
  writeFileSync(sshConfig, `${await vagrant(['ssh-config'])}\n${shared}`);
  const machine = (name: Name) => sshMachine({ name, address: ADDRESSES[name], sshConfig });
  const site = { node: machine('node1'), peer: machine('node2'), client: machine('client') };
  return createMachineSite(site, directory, { waitMs: 2000 });
}

/** What only a kernel of its own shows. */
async function ownKernel(site: MachineSite, { check, section }: Checks): Promise<void> {
  const { node } = site;
  const service = margayService(node);
  section('a kernel of its own');
  await check('the kernel loads the modules that rules need, for a daemon that may load none', async () => {
    match(await node.must(['lsmod']), /^nf_tables /m);
    match(await node.must(['systemctl', 'show', 'margay', '-p', 'ProtectKernelModules']), /=yes/);
  });
  await check('the clock of the machine jumps two days on, and back', async () => {
    const [before, seconds] = [await service.restarts(), Math.floor(Date.now() / 1000)];
    for (const days of [2, 0]) {
      await node.must(['date', '-s', `@${seconds + days * 86_400}`]);
      await play(site, named);
    }
    strictEqual(await service.restarts(), before);
  });
  await check('another flushes the whole ruleset', async () => {
    const journal = await service.journal();
    await node.must(['nft', 'flush', 'ruleset']);
    await service.told(/restored/, journal);
    deepStrictEqual(await probeLines(site, named.probes), named.probes);
  });
}

mkdirSync(directory, { recursive: true });
let site: MachineSite | undefined;
try {
  checks.section('vagrant up');
  await checks.check('two nodes and a client come up, and Margay on the nodes', async () => {
    site = await up().catch((error: Error) => {
      // Three machines and a lot between them, of which nothing is tested here.
      process.stdout.write(`once more, after: ${error.message}\n`);
      return vagrant(['destroy', '-f']).then(up);
    });
  });
  if (site !== undefined) {
    checks.section('scenarios');
    await playAll(site, checks);
    await doctor(site, checks, true);
    await boot(site, checks, short);
    await ownKernel(site, checks);
    site.close();
  }
} finally {
  await checks.check('vagrant destroy', async () => {
    await vagrant(['destroy', '-f']);
    strictEqual((await succeed(['virsh', '-q', '-c', 'qemu:///system', 'list', '--all', '--name'])).trim(), '');
  });
}
// Whatever a check that failed has left behind.
process.exit(checks.finish());
