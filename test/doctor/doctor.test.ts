import { execFileSync } from 'node:child_process';
import t from 'tap';
import { findingsText } from '../../src/cli/commands/doctor.js';
import { runProgram } from '../../src/cli/program.js';
import { diagnose, topics } from '../../src/doctor/diagnose.js';
import type { Facts, ForeignChain } from '../../src/doctor/finding.js';
import { firewallOwners } from '../../src/doctor/firewall-owners.js';
import { gatherFacts, type Host } from '../../src/doctor/gather-facts.js';
import { featureScripts } from '../../src/nft/feature-scripts.js';
import { nftNamespace, whyNoNamespace } from '../netns/nft-namespace.js';

const base = (
  family: string,
  table: string,
  name: string,
  hook: string,
  prio: number,
  policy: string,
): ForeignChain => ({
  family,
  table,
  name,
  type: 'filter',
  hook,
  prio,
  policy,
});
const chain = (family: string, table: string, name: string): ForeignChain => ({ family, table, name });
const ours = base('inet', 'margay', 'input-host', 'input', -5, 'accept');

/** A host on which nothing is wrong. */
function healthy(changes: Partial<Facts> = {}): Facts {
  return {
    kernelRelease: '6.12.0-1-amd64',
    nftVersion: '1.1.3',
    ipAvailable: true,
    conntrackAvailable: true,
    features: new Map([['limits', undefined]]),
    chains: [ours],
    legacyTables: [],
    capabilities: (1n << 41n) - 1n,
    now: new Date('2026-01-02T00:00:00Z'),
    clockSynchronized: true,
    savedAt: new Date('2026-01-01T00:00:00Z'),
    sysctls: new Map([
      ['net.ipv4.ip_forward', '1'],
      ['net.ipv6.conf.all.forwarding', '1'],
      ['net.ipv4.conf.all.rp_filter', '2'],
      ['net.netfilter.nf_conntrack_count', '10'],
      ['net.netfilter.nf_conntrack_max', '262144'],
    ]),
    service: { enabled: 'enabled', active: 'active', daemon: { ready: true, degraded: false } },
    boot: { unit: 'enabled', saved: 'good', loads: 'saved ruleset' },
    sshPorts: [22],
    policy: { hostEndpoints: 1, workloadEndpoints: 1, failsafeInbound: [{ protocol: 6, port: 22 }] },
    ...changes,
  };
}

/** What is not good, as `topic result message`. */
function complaints(changes: Partial<Facts>): string[] {
  return diagnose(healthy(changes))
    .filter(({ result }) => result !== 'ok')
    .map(({ topic, result, message }) => `${topic} ${result} ${message}`);
}

t.test('nothing to complain about', async (t) => {
  t.strictSame(complaints({}), []);
  const said = new Set(diagnose(healthy()).map(({ topic }) => topic));
  t.strictSame([...said], Object.keys(topics), 'each topic says so');
});

t.test('each check', async (t) => {
  const cases: readonly (readonly [Partial<Facts>, RegExp])[] = [
    [{ capabilities: 0n }, /^permissions unknown without CAP_NET_ADMIN/],
    [{ capabilities: undefined }, /^permissions unknown/],
    [{ kernelRelease: '4.19.0' }, /^kernel warning Linux 4\.19/],
    [{ nftVersion: '1.0.5' }, /^kernel problem nft 1\.0\.5 is older/],
    [{ nftVersion: undefined }, /^kernel problem the command nft is missing/],
    [{ ipAvailable: false }, /^kernel problem the command ip/],
    [{ conntrackAvailable: false }, /^kernel warning the command conntrack/],
    [{ features: new Map([['NAT', 'no such thing']]) }, /^kernel problem NAT: refused \(no such thing\)/],
    [
      { service: { enabled: 'disabled', active: 'active', daemon: { ready: true, degraded: false } } },
      /^service warning .* disabled/,
    ],
    [
      { service: { enabled: 'enabled', active: 'failed', daemon: undefined } },
      /^service problem .* failed, but no daemon/,
    ],
    [{ service: { enabled: 'enabled', active: 'inactive', daemon: undefined } }, /^service warning no daemon/],
    [
      { service: { enabled: 'enabled', active: 'active', daemon: { ready: false, degraded: false } } },
      /^service problem .* not ready/,
    ],
    [
      { service: { enabled: 'enabled', active: 'active', daemon: { ready: true, degraded: true } } },
      /^service warning .* degraded/,
    ],
    [
      { boot: { unit: 'disabled', saved: 'good', loads: 'nothing' } },
      /^boot warning after a reboot there are no rules/,
    ],
    [{ boot: { unit: 'not-found', saved: 'good', loads: 'nothing' } }, /^boot warning there is no margay-boot/],
    [
      { boot: { unit: 'enabled', saved: 'mismatch', loads: 'fallback' } },
      /^boot problem the saved ruleset is mismatch/,
    ],
    [{ sshPorts: [2222] }, /^ssh problem sshd listens on port 2222, which is no failsafe port/],
    [{ sshPorts: undefined }, /^ssh unknown/],
    [{ policy: { unknown: 'no directory' } }, /^ssh unknown .*: no directory/],
    [
      { policy: { hostEndpoints: 0, workloadEndpoints: 0, failsafeInbound: [] } },
      /^ssh warning sshd listens on port 22/,
    ],
    [
      {
        policy: {
          hostEndpoints: 1,
          workloadEndpoints: 0,
          failsafeInbound: [{ protocol: 6, port: 22, net: '10.0.0.0/8' }],
        },
      },
      /^ssh warning .* for 10\.0\.0\.0\/8 only/,
    ],
    [{ sysctls: new Map() }, /^sysctls unknown/],
    [
      { sysctls: new Map([['net.ipv4.ip_forward', '0']]) },
      /^sysctls warning there are workloads, and net\.ipv4\.ip_forward = 0/,
    ],
    [{ sysctls: new Map([['net.ipv4.conf.all.rp_filter', '0']]) }, /^sysctls warning .*rp_filter = 0/],
    [{ sysctls: new Map([['net.bridge.bridge-nf-call-iptables', '1']]) }, /^sysctls warning .*bridge/],
    [
      {
        sysctls: new Map([
          ['net.netfilter.nf_conntrack_count', '95'],
          ['net.netfilter.nf_conntrack_max', '100'],
        ]),
      },
      /^sysctls problem 95 of at most 100/,
    ],
    [{ clockSynchronized: false }, /^clock warning/],
    [{ clockSynchronized: undefined }, /^clock unknown/],
    [{ now: new Date('2020-01-01T00:00:00Z') }, /^clock problem the clock says 2020/],
    [{ chains: undefined }, /^firewalls unknown/],
    [{ legacyTables: ['filter'] }, /^firewalls warning iptables-legacy has the tables filter/],
  ];
  for (const [changes, expected] of cases) {
    const found = complaints(changes);
    t.equal(found.length, 1, found.join('\n'));
    t.match(found[0], expected);
  }
  const all = cases.flatMap(([changes]) => diagnose(healthy(changes)));
  t.ok(
    all.every(({ result, advice }) => (result === 'ok') === (advice === undefined)),
    'whatever is not good comes with advice',
  );
});

t.test('other firewalls', async (t) => {
  const found = (...chains: readonly ForeignChain[]) => complaints({ chains: [ours, ...chains] });
  const after = base('inet', 'filter', 'input', 'input', 0, 'drop');
  t.match(found(after), [
    /chain inet filter input: hook input, priority 0 \(after Margay\), policy drop: what Margay accepts/,
  ]);
  t.match(found({ ...after, prio: -200 }), [/\(before Margay\)/]);
  t.strictSame(found({ ...after, policy: 'accept' }), []);
  t.match(found(base('inet', 'firewalld', 'filter_INPUT', 'input', 10, 'accept')), [
    /firewalld has chains in inet firewalld; it drops/,
  ]);
  t.match(
    found(chain('ip', 'filter', 'ufw-before-input'), base('ip', 'filter', 'INPUT', 'input', 0, 'drop')),
    [/ufw has chains in ip filter/, /chain ip filter INPUT \(ufw\)/],
    'the chains of iptables are those of who uses them',
  );
  t.match(found(chain('ip', 'nat', 'DOCKER'), base('ip', 'filter', 'FORWARD', 'forward', 0, 'drop')), [
    /Docker/,
    /ip filter FORWARD/,
  ]);
  t.match(found(chain('ip', 'filter', 'ts-input')), [/Tailscale/]);
  t.match(found(chain('ip', 'libvirt_network', 'guest_input')), [/libvirt/]);
  t.match(found(chain('ip', 'calico', 'filter-cali-INPUT')), [/^firewalls problem Calico/]);
  t.strictSame(
    found(chain('ip', 'kube-proxy', 'services'), chain('ip', 'nat', 'KUBE-SERVICES')),
    [],
    'kube-proxy drops nothing of ours',
  );
  t.ok(
    diagnose(healthy({ chains: [chain('ip', 'kube-proxy', 'services')] })).some(({ message }) =>
      /kube-proxy/.test(message),
    ),
  );
  const samples = [
    'cali-INPUT',
    'ufw-user-input',
    'DOCKER-USER',
    'KUBE-FORWARD',
    'ts-forward',
    'LIBVIRT_INP',
    'f2b-sshd',
  ];
  for (const owner of firewallOwners)
    t.ok(
      [...samples.map((name) => chain('ip', 'filter', name)), chain('inet', 'firewalld', 'x')].some(owner.owns),
      owner.name,
    );
});

/** A host of answers, by command line or path. */
function fakeHost(commands: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}): Host {
  return {
    kernelRelease: '6.1.0',
    now: () => new Date(0),
    read: async (path) => files[path],
    run: async (argv) => {
      const stdout = commands[argv.join(' ')];
      return stdout === undefined ? undefined : { exitCode: 0, stdout, stderr: '' };
    },
  };
}

const own = {
  boot: { unit: 'enabled', saved: 'good', loads: 'saved ruleset' },
  savedAt: undefined,
  daemon: undefined,
  policy: { unknown: 'not asked' },
  featureScripts: { limits: 'script' },
} as const;

t.test('facts', async (t) => {
  const listed = {
    chain: {
      family: 'ip',
      table: 'filter',
      name: 'INPUT',
      handle: 1,
      type: 'filter',
      hook: 'input',
      prio: 0,
      policy: 'drop',
    },
  };
  const facts = await gatherFacts(
    fakeHost(
      {
        'nft --version': 'nftables v1.0.6 (Lester Gooch #5)',
        'nft -j list chains': JSON.stringify({
          nftables: [{ metainfo: {} }, listed, { chain: { family: 'ip', table: 'filter', name: 'x' } }],
        }),
        'nft --check -f -': '',
        'ss -H -ltnp': [
          'LISTEN 0 128 0.0.0.0:2222 0.0.0.0:* users:(("sshd",pid=7,fd=3))',
          'LISTEN 0 128 [::]:2222 [::]:* users:(("sshd",pid=7,fd=4))',
          'LISTEN 0 4096 127.0.0.1:9099 0.0.0.0:* users:(("node",pid=8,fd=24))',
        ].join('\n'),
        'timedatectl show -p NTPSynchronized --value': 'yes',
        'systemctl is-enabled margay.service': 'enabled',
      },
      {
        '/proc/self/status': 'Name:\tnode\nCapEff:\t0000000000001000\n',
        '/proc/sys/net/ipv4/ip_forward': '1\n',
        '/proc/net/ip_tables_names': 'filter\nnat\n',
      },
    ),
    own,
  );
  t.match(facts, {
    nftVersion: '1.0.6',
    ipAvailable: false,
    chains: [base('ip', 'filter', 'INPUT', 'input', 0, 'drop'), { name: 'x', hook: undefined }],
    legacyTables: ['filter', 'nat'],
    capabilities: 0x1000n,
    clockSynchronized: true,
    sshPorts: [2222],
    service: { enabled: 'enabled', active: undefined, daemon: undefined },
  });
  t.same([...(facts.features ?? [])], [['limits', undefined]]);
  t.same([...facts.sysctls], [['net.ipv4.ip_forward', '1']]);
  const configured = await gatherFacts(fakeHost({ 'sshd -T': 'port 22\nport 2222\naddressfamily any\n' }), own);
  t.match(configured, { sshPorts: [22, 2222], chains: undefined, features: undefined, nftVersion: undefined });
});

t.test('the kernel is asked for each feature', { skip: whyNoNamespace() ?? false }, async (t) => {
  const namespace = nftNamespace();
  t.teardown(() => namespace.remove());
  for (const [feature, input] of Object.entries(featureScripts)) {
    const [file, ...args] = namespace.command;
    t.doesNotThrow(() => execFileSync(file, [...args, '--check', '-f', '-'], { input, stdio: 'pipe' }), feature);
  }
  t.equal(namespace.nft('list', 'tables'), '', 'nothing is changed by that');
});

t.test('margay doctor', async (t) => {
  const directory = t.testdir();
  let stdout = '';
  const io = {
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: () => true },
    environment: { PATH: process.env.PATH },
  };
  const options = [
    '--run-dir',
    directory,
    '--state-dir',
    directory,
    '--datastore',
    `file:${directory}`,
    '--config',
    '/dev/null',
  ];
  const status = await runProgram(['doctor', '--json', ...options], io);
  const { problems, findings } = JSON.parse(stdout);
  t.equal(status, problems > 0 ? 1 : 0);
  t.strictSame([...new Set(findings.map(({ topic }: { topic: string }) => topic))], Object.keys(topics));
  const text = findingsText(
    [
      { topic: 'clock', result: 'ok', message: 'good' },
      { topic: 'ssh', result: 'problem', message: 'bad\u001b', advice: 'do it' },
    ],
    io,
  );
  t.equal(text, 'ok       clock: good\nPROBLEM  ssh: bad\\u001b\n         do it\n');
});
