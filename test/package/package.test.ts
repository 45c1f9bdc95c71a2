import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createProgram } from '../../src/cli/program.js';
import { settingNames, settingsTable } from '../../src/cli/settings/settings-table.js';
import { checkout } from '../lab/checkout.js';

const has = (command: string) => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
const silent = { write: () => true };
const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { version: string };

t.setTimeout(120_000);
t.test('the package', { skip: !has('dpkg-deb') && 'needs dpkg-deb' }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'margay-package-test-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const build = (name: string) => {
    const output = join(directory, name);
    mkdirSync(output);
    execFileSync(process.execPath, [join(checkout, 'packaging/package.mjs'), output], {
      env: { ...process.env, SOURCE_DATE_EPOCH: '1700000000' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return join(output, `margay_${version}_all.deb`);
  };
  const deb = build('first');
  const control = (field: string) => execFileSync('dpkg-deb', ['-f', deb, field], { encoding: 'utf8' }).trim();
  const root = join(directory, 'root');
  const file = (path: string) => join(root, path);
  const text = (path: string) => readFileSync(file(path), 'utf8');
  const margay = (...args: readonly string[]) =>
    spawnSync(process.execPath, [file('usr/lib/margay/dist/cli/main.js'), ...args], { encoding: 'utf8', cwd: '/' });

  await t.test('the same sources give the same bytes', async (t) => {
    const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
    t.equal(digest(build('second')), digest(deb));
  });

  await t.test('what it says of itself', async (t) => {
    t.equal(control('Package'), 'margay');
    t.equal(control('Version'), version);
    t.equal(control('Architecture'), 'all');
    t.equal(control('Depends'), 'nodejs (>= 20.19), nftables (>= 1.0.6), iproute2');
    t.equal(control('Recommends'), 'conntrack, systemd');
    const scripts = execFileSync('dpkg-deb', ['--ctrl-tarfile', deb]);
    const listed = execFileSync('tar', ['-t'], { input: scripts, encoding: 'utf8' }).split('\n');
    t.strictSame(
      listed
        .map((name) => name.replace('./', ''))
        .filter((name) => name !== '')
        .sort(),
      ['conffiles', 'control', 'md5sums', 'postinst', 'postrm', 'prerm'],
    );
  });

  await t.test('it is unpacked by dpkg, and the program runs from there', async (t) => {
    mkdirSync(file('var/lib/dpkg/info'), { recursive: true });
    mkdirSync(file('var/lib/dpkg/updates'));
    writeFileSync(file('var/lib/dpkg/status'), '');
    const forced = ['--force-depends', '--force-not-root', '--force-script-chrootless', '--force-bad-path'];
    const done = spawnSync('dpkg', [`--root=${root}`, ...forced, '--unpack', deb], { encoding: 'utf8' });
    t.equal(done.status, 0, done.stderr);
    t.equal(statSync(file('usr/bin/margay')).mode & 0o777, 0o755, 'the link leads to the program');
    t.match(text('usr/bin/margay'), /^#!\/usr\/bin\/node\n/);
    t.match(margay('--version'), { status: 0, stdout: `${version}\n` });
    t.match(margay('status', '--run-dir', directory), { status: 3, stderr: /no daemon is running/ });
    const render = ['render', '--node', 'n', '--datastore', `file:${file('usr/share/doc/margay/examples/demo')}`];
    writeFileSync(join(directory, 'interfaces.json'), '[]');
    t.match(margay(...render, '--interfaces', join(directory, 'interfaces.json')), {
      status: 0,
      stdout: /^table inet/,
    });
    writeFileSync(join(directory, 'margay.yaml'), `datastore: file:${directory}/nothing\nlog-format: pretty\n`);
    const settings = ['--config', join(directory, 'margay.yaml'), '--node', 'n'];
    t.match(
      margay('render', ...settings, '--interfaces', join(directory, 'interfaces.json')),
      { status: 1, stderr: new RegExp(`${directory}/nothing`) },
      'with a settings file',
    );
    const here = ['--run-dir', directory, '--state-dir', directory, '--no-health'];
    // Without a PATH there is no nft: it ends, in pretty words.
    const { stdout } = spawnSync(
      process.execPath,
      [file('usr/lib/margay/dist/cli/main.js'), 'run', ...settings, ...here],
      {
        encoding: 'utf8',
        env: { PATH: '/nonexistent' },
      },
    );
    t.match(stdout, /INFO.*: margay starts/, 'pretty log');
    // What is loaded for metrics, from where the bundle loads it.
    const require = createRequire(file('usr/lib/margay/dist/cli/main.js'));
    for (const part of ['registry', 'gauge', 'counter', 'summary'])
      t.equal(typeof require(`prom-client/lib/${part}`), 'function', part);
  });

  await t.test('the man pages and the example know every command and setting', async (t) => {
    const read = (path: string) =>
      execFileSync('gzip', ['-dc', file(path)], { encoding: 'utf8' }).replaceAll('\\-', '-');
    const [manual, settings] = [read('usr/share/man/man1/margay.1.gz'), read('usr/share/man/man5/margay.yaml.5.gz')];
    const program = createProgram({ stdout: silent, stderr: silent, environment: {} }, () => undefined);
    for (const command of program.commands) {
      t.match(manual, new RegExp(`^\\.SS margay ${command.name()}\\b`, 'm'), command.name());
      for (const { long, hidden } of command.options)
        if (!hidden && long) t.ok(manual.includes(long), `${command.name()} ${long}`);
    }
    const example = text('etc/margay/margay.yaml.dpkg-new');
    for (const { name, inFile } of settingNames.map((key) => settingsTable[key])) {
      if (inFile === false) continue;
      t.match(settings, new RegExp(`^\\.B ${name}: `, 'm'), name);
      t.match(example, new RegExp(`^#${name}: `, 'm'), name);
    }
    t.strictSame(
      example.split('\n').filter((line) => line !== '' && !line.startsWith('#')),
      [],
      'which changes nothing',
    );
    if (has('mandoc'))
      t.equal(spawnSync('mandoc', ['-Tlint', '-Werror', file('usr/share/man/man1/margay.1.gz')]).status, 0);
  });

  await t.test('the scripts of the package are scripts', async (t) => {
    for (const name of ['postinst', 'prerm', 'postrm'])
      t.equal(spawnSync('sh', ['-n', join(checkout, 'packaging/debian', name)]).status, 0, name);
    // Nothing is started or removed by an installation into a directory, or by an upgrade.
    for (const [name, ...args] of [
      ['postinst', 'configure', ''],
      ['prerm', 'upgrade', version],
      ['postrm', 'upgrade', version],
    ] as const) {
      const { status, stdout } = spawnSync('/bin/sh', [join(checkout, 'packaging/debian', name), ...args], {
        encoding: 'utf8',
        env: { PATH: '/nonexistent' },
      });
      t.match({ status, stdout }, { status: 0, stdout: '' }, `${name} ${args[0]}`);
    }
  });

  await t.test('lintian', { skip: !has('lintian') && 'needs lintian' }, async (t) => {
    const { stdout } = spawnSync('lintian', ['--no-cfg', '--allow-root', deb], { encoding: 'utf8' });
    t.equal(stdout, '');
  });
});
