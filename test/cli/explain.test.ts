import { join } from 'node:path';
import { styleText } from 'node:util';
import t, { type Test } from 'tap';
import { deciderText } from '../../src/cli/packet/decider-text.js';
import { explainText } from '../../src/cli/packet/explain-text.js';
import { readPacketOptions } from '../../src/cli/packet/packet-options.js';
import { runProgram } from '../../src/cli/program.js';
import type { Decider, Step } from '../../src/evaluate/verdict.js';

const resources = `
apiVersion: projectcalico.org/v3
kind: HostEndpoint
metadata: {name: h0, labels: {role: host}}
spec: {node: n1, interfaceName: eth0}
---
apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: {namespace: prod, labels: {role: db}}
spec:
  node: n1
  orchestrator: k8s
  pod: p
  endpoint: eth0
  interfaceName: cali1
  ipNetworks: [10.65.0.2/32, 'fd65::2/128']
  ipNATs: [{internalIP: 10.65.0.2, externalIP: 192.0.2.77}]
  profiles: [prof]
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: np, namespace: prod}
spec:
  selector: role == 'db'
  ingress:
    - {action: Allow, protocol: TCP, source: {nets: [10.0.0.0/24]}, destination: {ports: [5432, '8000:8100']}}
    - {action: Allow, source: {selector: role == 'client'}}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: p1}
spec:
  selector: role == 'host'
  ingress: [{action: Allow, protocol: TCP, destination: {ports: [80]}}, {action: Deny}]
  egress: [{action: Allow, protocol: UDP, destination: {nets: [10.66.0.0/16]}}]
---
apiVersion: projectcalico.org/v3
kind: Profile
metadata: {name: prof}
spec: {egress: [{action: Allow}]}
---
apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: {name: default}
spec: {floatingIPs: Enabled}
`;

const interfaces = JSON.stringify(
  Object.entries({
    lo: ['127.0.0.1', '::1'],
    eth0: ['10.0.0.1', 'fd00::1', '10.2.0.1'],
    eth1: ['10.1.0.1', '10.2.0.1'],
    cali1: ['fe80::1'],
  }).map(([ifname, addresses], index) => ({
    ifindex: index + 1,
    ifname,
    flags: ['UP'],
    operstate: 'UP',
    addr_info: addresses.map((local) => ({ family: local.includes(':') ? 'inet6' : 'inet', local })),
  })),
);

function prepare(t: Test, more: Readonly<Record<string, string>> = {}) {
  const dir = t.testdir({ resources: { 'all.yaml': resources, ...more }, 'interfaces.json': interfaces });
  return async (...argv: readonly string[]) => {
    let stdout = '';
    let stderr = '';
    const io = {
      stdout: { write: (text: string) => (stdout += text) },
      stderr: { write: (text: string) => (stderr += text) },
      environment: {},
    };
    const where = ['--datastore', `file:${join(dir, 'resources')}`, '--node', 'n1'];
    const command = ['explain', ...where, '--interfaces', join(dir, 'interfaces.json'), ...argv];
    return { status: await runProgram(command, io), stdout, stderr };
  };
}

/** Words of a command line. */
const words = (text: string) => text.split(' ');

t.test('for people', async (t) => {
  const explain = prepare(t);
  t.same(await explain(...words('--from 10.0.0.9 --to 10.65.0.2:80 --proto tcp --in eth0')), {
    status: 1,
    stderr: '',
    stdout: `tcp 10.0.0.9:50000 -> 10.65.0.2:80, new, forwarded from eth0 to cali1
  assumed: source port 50000
  assumed: out over cali1, which has 10.65.0.2

DENIED (dropped) by the end of tier default: none of its rules matched

1. forward ingress of HostEndpoint h0: allowed by HostEndpoint h0: it has no policy with applyOnForward

2. workload ingress of WorkloadEndpoint prod/n1-k8s-p-eth0: denied by the end of tier default: none of its rules matched
      default  NetworkPolicy prod/np[0]  Allow  no: destination port 80 is not in 5432, 8000:8100
      default  NetworkPolicy prod/np[1]  Allow  no: source 10.0.0.9 is not selected by (projectcalico.org/namespace == "prod" && role == "client")
   >  default  end of tier               Deny   no rule of this tier decided
`,
  });
  const allowed = await explain(...words('--from 10.0.0.9:1234 --to 10.65.0.2:8050 --proto TCP --in eth0'));
  t.match(allowed, { status: 0, stdout: /^ALLOWED by NetworkPolicy prod\/np ingress\[0\]$/m });
  t.match(allowed.stdout, /^In the kernel: the rule with the comment "NetworkPolicy prod\/np ingress\[0\]" of/m);
  t.match(allowed.stdout, /^ {3}> {2}default {2}NetworkPolicy prod\/np\[0\] {2}Allow {2}matches$/m);
  t.notMatch(allowed.stdout, /source port/);
  t.match(await explain(...words('--from 10.9.9.9 --to 10.1.0.1:80 --proto tcp')), {
    status: 0,
    stdout: /^ALLOWED: no endpoint on its way$/m,
  });
  const icmp = await explain(...words('--from 10.65.0.2 --to 10.0.0.1 --proto icmp'));
  t.match(icmp, {
    status: 1,
    stdout: /^icmp 10\.65\.0\.2 -> 10\.0\.0\.1, type 8 code 0, new, from cali1 to this host$/m,
  });
  t.match(
    icmp.stdout,
    /^1\. workload to host .*\n {3}> {2}profiles {2}Profile prof\[0\] {2}Allow {2}matches\n\n2\. endpoint to host: denied/m,
  );
});

t.test('for programs', async (t) => {
  const explain = prepare(t);
  const json = async (text: string) => JSON.parse((await explain('--json', ...words(text))).stdout);
  t.match(await json('--from 10.0.0.9 --to 10.0.0.1:81 --proto tcp'), {
    verdict: 'deny',
    by: { kind: 'GlobalNetworkPolicy', name: 'p1', direction: 'ingress', rule: 1 },
    stages: [
      {
        stage: 'host ingress',
        endpoint: { kind: 'HostEndpoint', name: 'h0' },
        result: 'deny',
        steps: [
          { name: 'p1', rule: 0, matched: false },
          { rule: 1, matched: true },
        ],
      },
    ],
    packets: [{ path: 'in', inInterface: 'eth0', source: '10.0.0.9', destinationPort: 81, state: 'new' }],
  });
  t.match(await json('--from 10.0.0.9 --to 10.1.0.1:81 --proto tcp'), { verdict: 'allow', by: null, stages: [] });
  t.match(await json('--from 10.0.0.9 --to 10.0.0.1:81 --proto tcp --state established'), { verdict: 'allow' });
  t.match(await json('--from 10.0.0.9 --to 10.0.0.1:80 --proto tcp --state invalid'), { by: { rule: 'invalid' } });
});

t.test('the way of a packet', async (t) => {
  const explain = prepare(t);
  const ways: readonly (readonly [options: string, packet: object, more?: object])[] = [
    ['--from 10.0.0.9 --to 10.0.0.1:1 --proto tcp', { path: 'in', inInterface: 'eth0' }],
    ['--from 10.0.0.9 --to 10.0.0.1:1 --proto tcp --in eth1', { path: 'in', inInterface: 'eth1' }],
    ['--from 10.65.0.2 --to 10.0.0.1:1 --proto tcp', { path: 'in', inInterface: 'cali1' }],
    ['--from 10.65.0.2 --to 255.255.255.255:67 --proto udp', { path: 'in', inInterface: 'cali1' }],
    ['--from 10.0.0.9 --to 224.0.0.1 --proto 2 --in eth1', { path: 'in', inInterface: 'eth1' }],
    ['--from 10.1.0.1 --to 10.9.9.9:1 --proto tcp', { path: 'out', outInterface: 'eth1' }],
    ['--from 10.1.0.1 --to 10.9.9.9:1 --proto tcp --out eth0', { path: 'out', outInterface: 'eth0' }],
    ['--from 10.1.0.1 --to 10.65.0.2:1 --proto tcp', { path: 'out', outInterface: 'cali1' }],
    ['--from fd00::1 --to ff02::1 --proto icmpv6', { path: 'out', outInterface: 'eth0', icmpType: 128 }],
    [
      '--from 10.65.0.2 --to 10.9.9.9:1 --proto tcp --out eth1',
      { path: 'forward', inInterface: 'cali1', outInterface: 'eth1' },
    ],
    [
      '--from 10.9.9.9 --to 10.65.0.2:1 --proto tcp --in eth1',
      { path: 'forward', inInterface: 'eth1', outInterface: 'cali1' },
    ],
    [
      '--from [fd01::9]:7 --to [fd65::2]:1 --proto sctp --in eth1',
      { family: 6, sourcePort: 7, destinationPort: 1, outInterface: 'cali1' },
    ],
    ['--from 10.9.9.9 --to 10.8.8.8 --proto 253 --in eth0 --out eth1', { path: 'forward', protocol: 253 }],
    [
      '--from 10.9.9.9 --to 192.0.2.77:5432 --proto tcp --in eth0',
      {
        outInterface: 'cali1',
        destination: '10.65.0.2',
        destinationPort: 5432,
        beforeDNAT: { destination: '192.0.2.77' },
      },
    ],
    [
      '--from 10.1.0.1 --to 10.96.0.1:80 --proto tcp --dnat 10.65.0.2:8080',
      {
        path: 'out',
        outInterface: 'cali1',
        destinationPort: 8080,
        beforeDNAT: { destination: '10.96.0.1', destinationPort: 80 },
      },
    ],
    ['--from 10.1.0.1 --to 10.96.0.1:80 --proto tcp --dnat 10.65.0.2', { destinationPort: 80 }],
    [
      '--from fd00::9 --to fd00::1 --proto icmpv6 --type 135',
      { state: 'untracked', hopLimit: 255, icmpType: 135, icmpCode: 0 },
    ],
    ['--from fd00::9 --to fd00::1 --proto ICMPv6 --type 1.4', { state: 'new', hopLimit: 64, icmpType: 1, icmpCode: 4 }],
  ];
  for (const [options, expected] of ways) {
    const { stdout, stderr } = await explain('--json', ...words(options));
    t.equal(stderr, '', options);
    const { packets } = JSON.parse(stdout);
    t.match(packets, [expected], options);
    t.equal(packets.length, 1);
  }
  const { stdout } = await explain('--json', ...words('--from 127.0.0.1 --to 127.0.0.1:80 --proto tcp'));
  t.match(JSON.parse(stdout), {
    verdict: 'allow',
    packets: [
      { path: 'out', outInterface: 'lo' },
      { path: 'in', inInterface: 'lo' },
    ],
  });
});

t.test('over loopback both directions count', async (t) => {
  const star = (egress: string) => `
apiVersion: projectcalico.org/v3
kind: HostEndpoint
metadata: {name: star, labels: {star: ''}}
spec: {node: n1, interfaceName: '*'}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: star}
spec: {selector: has(star), types: [Ingress, Egress], egress: [{action: ${egress}}]}
`;
  const stages = async (egress: string) => {
    const explain = prepare(t, { 'star.yaml': star(egress) });
    const { status, stdout } = await explain('--json', ...words('--from 127.0.0.1 --to 127.0.0.1:80 --proto tcp'));
    return {
      status,
      stages: JSON.parse(stdout).stages.map(({ stage, result }: Record<string, string>) => [stage, result]),
    };
  };
  t.same(await stages('Allow'), {
    status: 1,
    stages: [
      ['host egress', 'allow'],
      ['host ingress', 'deny'],
    ],
  });
  t.same(await stages('Deny'), { status: 1, stages: [['host egress', 'deny']] });
});

t.test('usage errors', async (t) => {
  const explain = prepare(t);
  const wrong: readonly (readonly [options: string, message: RegExp])[] = [
    ['--to 10.0.0.1:1 --proto tcp', /--from/],
    ['--from 10.0.0.1 --proto tcp', /--to/],
    ['--from 10.0.0.9 --to 10.0.0.1:1', /--proto/],
    ['--from x --to 10.0.0.1:1 --proto tcp', /--from: "x" is no address/],
    ['--from 10.0.0.9 --to 10.0.0.1:70000 --proto tcp', /--to: "10\.0\.0\.1:70000" is no address/],
    ['--from 10.0.0.9 --to 10.0.0.01:7 --proto tcp', /--to: .* is no address/],
    ['--from 10.0.0.9 --to 10.0.0.1 --proto tcp', /--to: the port is missing, as in 10\.0\.0\.1:443/],
    ['--from fd00::9 --to fd00::1 --proto udp', /--to: the port is missing, as in \[fd00::1\]:443/],
    ['--from 10.0.0.9:1 --to 10.0.0.1 --proto icmp', /--from: a port is for/],
    ['--from 10.0.0.9 --to fd00::1 --proto 253', /--from: .* are not of one IP version/],
    ['--from 10.0.0.9 --to 10.0.0.1:1 --dnat ::1 --proto tcp', /--dnat: .* are not of one IP version/],
    ['--from 10.0.0.9 --to 10.0.0.1:1 --proto tpc', /--proto: "tpc" is no protocol/],
    ['--from 10.0.0.9 --to 10.0.0.1:1 --proto 256', /--proto: "256" is no protocol/],
    ['--from fd00::9 --to fd00::1 --proto icmp', /--proto: between IPv6 addresses it is icmpv6/],
    ['--from 10.0.0.9 --to 10.0.0.1:1 --proto tcp --type 8', /--type: is for icmp/],
    ['--from 10.0.0.9 --to 10.0.0.1 --proto icmp --type 8.x', /--type: "8\.x" is no ICMP type/],
    ['--from 10.0.0.9 --to 10.0.0.1 --proto icmp --type 256', /--type/],
    ['--from 10.0.0.9 --to 10.0.0.1:1 --proto tcp --state open', /--state: "open" is none of new, established/],
    [
      '--from 10.0.0.9 --to 10.65.0.2:1 --proto tcp',
      /--in: say over which interface the packet comes in: 10\.0\.0\.9 is no/,
    ],
    [
      '--from 10.65.0.2 --to 10.9.9.9:1 --proto tcp',
      /--out: say over which interface the packet leaves: 10\.9\.9\.9 is no/,
    ],
    ['--from 10.9.9.9 --to 10.2.0.1:1 --proto tcp', /--in: .* 10\.2\.0\.1 does not tell it/],
    ['--from 127.0.0.1 --to 10.9.9.9:1 --proto tcp', /--out: .* 127\.0\.0\.1 does not tell it/],
    ['--from 10.9.9.9 --to 224.0.0.1 --proto 2', /--in: /],
  ];
  for (const [options, stderr] of wrong)
    t.match(await explain(...words(options)), { status: 2, stdout: '', stderr }, options);
});

t.test('what is left out of the policy is told', async (t) => {
  const explain = prepare(t, {
    'bad.yaml': 'apiVersion: projectcalico.org/v3\nkind: HostEndpoint\nmetadata: {name: bad}\nspec: {node: 1}\n',
  });
  const answer = await explain('--json', ...words('--from 10.0.0.9 --to 10.0.0.1:80 --proto tcp'));
  t.match(answer, { status: 1, stderr: /^margay: .*bad\.yaml.*\(left out\)$/m });
  t.match(JSON.parse(answer.stdout), { problems: [/HostEndpoint bad/] });
  const none = await explain('--interfaces', '/nowhere', ...words('--from 10.0.0.9 --to 10.0.0.1:80 --proto tcp'));
  t.match(none, { status: 1, stdout: '', stderr: /^margay: .*\/nowhere/ });
});

t.test('long lists are cut, names are harmless, what decides stands out', async (t) => {
  const unmatched = Array.from(
    { length: 25 },
    (_, rule): Step => ({
      kind: 'GlobalNetworkPolicy',
      name: 'p',
      tier: 'default',
      rule,
      action: 'Allow',
      matched: false,
      why: 'evil \u001b[31m',
    }),
  );
  const by: Decider = { kind: 'GlobalNetworkPolicy', name: 'p', tier: 'default', direction: 'ingress', rule: 25 };
  const last: Step = { kind: by.kind, name: 'p', tier: 'default', rule: 25, action: 'Deny', matched: true };
  const { family, protocol, state } = readPacketOptions({ from: '10.0.0.1', to: '10.0.0.2', proto: '99' });
  const text = explainText(
    {
      verdict: 'reject',
      by,
      stages: [
        {
          stage: 'host ingress',
          class: 'normal',
          direction: 'ingress',
          result: 'deny',
          by,
          steps: [...unmatched, last],
        },
      ],
      packets: [
        { family, protocol, state, source: '10.0.0.1', destination: '10.0.0.2', path: 'in', inInterface: 'eth0' },
      ],
      assumed: [],
    },
    (color, text) => styleText(color, text, { validateStream: false }),
  );
  t.match(text, /DENIED \(rejected\)/);
  t.match(text, /and 5 more rules that do not match: see --json/);
  t.match(text, /p\[19\]/);
  t.notMatch(text, /p\[20\]/);
  t.match(text, `${styleText('bold', 'GlobalNetworkPolicy p[25]', { validateStream: false })}`);
  t.notMatch(text, 'evil \u001b[31m');
});

t.test('everything that can decide has its words', async (t) => {
  const by = (rule: Decider['rule']): Decider => ({ kind: 'HostEndpoint', name: 'h\u0007', direction: 'egress', rule });
  t.equal(deciderText(by(3)), 'HostEndpoint h\\u0007 egress[3]');
  t.equal(deciderText(by('end of profiles')), 'HostEndpoint h\\u0007: no tier and no profile allows it');
  t.equal(
    deciderText({ ...by('missing'), kind: 'Profile', namespace: 'n' }),
    'Profile n/h\\u0007, which does not exist',
  );
});
