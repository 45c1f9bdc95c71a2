import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { defaultFailsafePorts } from '../../src/resources/packaged-rules.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const units = ['margay.service', 'margay-boot.service'];
const unit = (name: string) => readFileSync(join(root, 'systemd', name), 'utf8');
const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;

/** The last value of a key, as far as systemd reads the file. */
function value(text: string, key: string): string | undefined {
  return [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].at(-1)?.[1];
}

t.test('systemd finds nothing to say about the units', { skip: !hasAnalyze && 'needs systemd-analyze' }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'margay-units-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const program = join(directory, 'program');
  writeFileSync(program, '#!/bin/sh\n');
  chmodSync(program, 0o755);
  for (const name of units) {
    // What is not installed here would be a finding of its own.
    const here = unit(name)
      .replace(/^ExecStart=\S+/m, `ExecStart=${program}`)
      .replace(/^Documentation=.*\n/m, '');
    writeFileSync(join(directory, name), here);
  }
  const paths = units.map((name) => join(directory, name));
  const { stdout, stderr, status } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths], {
    encoding: 'utf8',
  });
  t.equal(`${stdout}${stderr}`, '');
  t.equal(status, 0);
  for (const path of paths) {
    const said = execFileSync('systemd-analyze', ['security', '--offline=true', path], { encoding: 'utf8' });
    const [, exposure] = /exposure level for \S+: ([\d.]+)/.exec(said) ?? [];
    t.ok(Number(exposure) <= 2.2, `${path}: ${exposure}`);
  }
});

t.test('what operators rely on', async (t) => {
  const daemon = unit('margay.service');
  for (const [key, expected] of Object.entries({
    Type: 'notify',
    NotifyAccess: 'all',
    Restart: 'on-failure',
    StartLimitIntervalSec: '0',
    StateDirectory: 'margay',
    RuntimeDirectory: 'margay',
    CapabilityBoundingSet: 'CAP_NET_ADMIN',
    NoNewPrivileges: 'yes',
    ProtectSystem: 'strict',
  }))
    t.equal(value(daemon, key), expected, key);
  t.ok(Number(value(daemon, 'WatchdogSec')) > 30, 'nft alone is given 30 s');
  t.notMatch(daemon, /^(ExecStop|ExecStopPost|MemoryDenyWriteExecute|PrivateUsers|PrivateNetwork|ProcSubset)=/m);

  const boot = unit('margay-boot.service');
  t.match(value(boot, 'Before'), /network-pre\.target/);
  t.match(value(boot, 'Wants'), /network-pre\.target/);
  t.equal(value(boot, 'DefaultDependencies'), 'no');
  t.notMatch(boot, /^(Requires|Requisite|BindsTo|RequiresMountsFor|ExecStop)=/m, 'nothing keeps it from being tried');
  t.match(value(boot, 'After'), /nftables\.service/, 'which begins with `flush ruleset`');
  t.match(
    value(boot, 'After'),
    /systemd-tmpfiles-setup\.service/,
    'which takes /tmp from under a unit that is being started',
  );
});

t.test('the fallback opens the failsafe ports, all and no others', async (t) => {
  const fallback = readFileSync(join(root, 'rules/boot-fallback.nft'), 'utf8');
  const opened = [...fallback.matchAll(/^\t\t(tcp|udp) dport (?:\{ (.*) \}|(\d+)) accept comment "failsafe ports"$/gm)];
  const ports = opened.flatMap(([, protocol, list, port]) =>
    (list ?? port ?? '').split(', ').map((each) => `${protocol}:${each}`),
  );
  t.same(ports.sort(), [...defaultFailsafePorts.inbound].sort());
  // A minimal host has no /etc/protocols and no /etc/services.
  t.notMatch(fallback, /l4proto [a-z]|[sd]port \{? ?[a-z]/, 'numbers, no names');
});
