import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { canonicalCidr, cidrText, parseAddress, parseCidr } from '../../src/resources/address.js';
import { canonicalDuration, parseDuration } from '../../src/resources/duration.js';
import { felixParameterTable } from '../../src/resources/felix-parameter-table.js';
import { type FelixParameters, resolveFelixParameters } from '../../src/resources/felix-parameters.js';
import type { FelixConfiguration } from '../../src/resources/kinds.js';
import { parseResource } from '../../src/resources/parse-resource.js';
import { parsePort } from '../../src/resources/port.js';
import { knownProtocolNumber, protocolNumber, supportsPorts } from '../../src/resources/protocol.js';
import type { Fields } from './sample-resources.js';

type Key = keyof FelixParameters;

function configuration(name: string, spec: Fields, metadata: Fields = {}): FelixConfiguration {
  const value = {
    apiVersion: 'projectcalico.org/v3',
    kind: 'FelixConfiguration',
    metadata: { name, ...metadata },
    spec,
  };
  const { parsed } = parseResource(value, { unknownFields: 'error', defaults: 'none', checkSelector: () => undefined });
  if (!parsed.valid || parsed.resource.kind !== 'FelixConfiguration') throw new Error(JSON.stringify(parsed));
  return parsed.resource;
}

function resolve(environment: Record<string, string>, configurations: readonly FelixConfiguration[] = []) {
  return resolveFelixParameters({
    environment,
    configurations,
    node: 'n1',
    nodeLabels: { rack: 'r1' },
    selects: (selector, labels) => selector === `rack == '${labels.rack}'`,
  });
}

const defaults = resolve({}).parameters;

t.test('built-in values', async (t) => {
  const { parameters, warnings, errors } = resolve({ PATH: '/bin' });
  t.strictSame([warnings, errors], [[], []]);
  t.match(parameters, {
    interfacePrefix: ['cali'],
    interfaceExclude: { names: ['kube-ipvs0'], patterns: [] },
    defaultEndpointToHostAction: 'Drop',
    filterAllowAction: 'ACCEPT',
    filterDenyAction: 'DROP',
    markMask: 0xffff0000,
    refreshInterval: 180,
    logPrefix: 'calico-packet',
    logActionRateLimitBurst: 5,
    vxlanPort: 4789,
    healthPort: 9099,
    prometheusMetricsPort: 9091,
  });
  t.strictSame(parameters.failsafeInboundHostPorts.slice(0, 3), [
    { protocol: 6, port: 22 },
    { protocol: 17, port: 68 },
    { protocol: 6, port: 179 },
  ]);
  t.equal(parameters.failsafeInboundHostPorts.length, 9);
  t.equal(parameters.failsafeOutboundHostPorts.length, 9);
  t.strictSame(parameters.failsafeOutboundHostPorts[0], { protocol: 17, port: 53 });
  t.equal(parameters.logActionRateLimit, undefined);
});

/** A good text for each parameter with its value, and a bad one. */
const texts: { readonly [K in Key]: readonly [text: string, value: FelixParameters[K], bad?: string] } = {
  interfacePrefix: ['cali, tap', ['cali', 'tap'], 'a b'],
  interfaceExclude: ['dummy0,/^kube/', { names: ['dummy0'], patterns: [/^kube/] }, '/(/'],
  defaultEndpointToHostAction: ['ACCEPT', 'Accept', 'Maybe'],
  failsafeInboundHostPorts: [
    '22,UDP:53,sctp:1,tcp:10.0.0.1/8:80,tcp:[FD00::1]:81',
    [
      { protocol: 6, port: 22 },
      { protocol: 17, port: 53 },
      { protocol: 132, port: 1 },
      { protocol: 6, port: 80, net: '10.0.0.0/8' },
      { protocol: 6, port: 81, net: 'fd00::1/128' },
    ],
    'icmp:1',
  ],
  failsafeOutboundHostPorts: ['none', [], 'tcp:65536'],
  ipv6Support: ['No', false, 'maybe'],
  filterAllowAction: ['return', 'RETURN', 'DROP'],
  mangleAllowAction: ['Return', 'RETURN', 'x'],
  filterDenyAction: ['reject', 'REJECT', 'none'],
  markMask: ['0xff00', 0xff00, '0'],
  refreshInterval: ['1.5', 1.5, 'soon'],
  nftablesMode: ['enabled', 'Enabled', 'On'],
  logPrefix: ['none', '', 'a"b'],
  logActionRateLimit: ['10/minute', { rate: 10, per: 'minute' }, '0/second'],
  logActionRateLimitBurst: ['9999', 9999, '10000'],
  disableConntrackInvalidCheck: ['1', true, '2'],
  workloadSourceSpoofing: ['any', 'Any', 'All'],
  allowVXLANPacketsFromWorkloads: ['t', true, '-'],
  allowIPIPPacketsFromWorkloads: ['y', true, '-'],
  vxlanPort: ['8472', 8472, '65536'],
  serviceLoopPrevention: ['reject', 'Reject', 'x'],
  floatingIPs: ['enabled', 'Enabled', 'x'],
  ipForwarding: ['disabled', 'Disabled', 'x'],
  interfaceRefreshInterval: ['0', 0, 'x'],
  endpointReportingEnabled: ['true', true, 'x'],
  endpointReportingDelay: ['2', 2, 'x'],
  endpointStatusPathPrefix: ['/x', '/x'],
  reportingInterval: ['3', 3, 'x'],
  reportingTTL: ['4', 4, 'x'],
  healthEnabled: ['true', true, 'x'],
  healthHost: ['::1', '::1'],
  healthPort: ['1', 1, '-1'],
  healthTimeoutOverrides: ['a=10s,b c=1m', { a: 10, 'b c': 60 }, 'a'],
  prometheusMetricsEnabled: ['true', true, 'x'],
  prometheusMetricsHost: ['h', 'h'],
  prometheusMetricsPort: ['2', 2, 'x'],
  prometheusProcessMetricsEnabled: ['false', false, 'x'],
};

t.test('every parameter from the environment', async (t) => {
  for (const key of Object.keys(felixParameterTable) as Key[]) {
    const { name } = felixParameterTable[key];
    const [text, value, bad] = texts[key];
    const { parameters, warnings, errors } = resolve({ [`FELIX_${name.toUpperCase()}`]: text });
    t.strictSame([parameters[key], warnings, errors], [value, [], []], `${name}=${text}`);
    t.notSame(value, defaults[key], `${name}: the text is not the default`);
    t.strictSame(resolve({ [`Felix_${name}`]: ' ' }).parameters[key], defaults[key], `${name}: empty is not set`);
    if (bad === undefined) continue;
    const broken = resolve({ [`FELIX_${name}`]: bad });
    const told = 'dieOnFail' in felixParameterTable[key] ? broken.errors : broken.warnings;
    t.match(told, [{ path: `environment: ${name}`, code: 'felix-parameter' }], `${name}=${bad} is told`);
    t.strictSame(broken.parameters[key], defaults[key], `${name}=${bad}: the default`);
  }
});

t.test('fields of a FelixConfiguration', async (t) => {
  const { parameters, warnings, errors } = resolve({}, [
    configuration('default', {
      failsafeInboundHostPorts: [{ port: 22 }, { protocol: 'Udp', port: 53, net: 'fd00::/8' }],
      failsafeOutboundHostPorts: [],
      nftablesRefreshInterval: '1m30s',
      nftablesMarkMask: 0xff000000,
      ipv6Support: false,
      interfaceExclude: '/a,b/',
      logActionRateLimit: '5/hour',
      healthTimeoutOverrides: [{ name: 'loop', timeout: '5m' }],
      nftablesFilterDenyAction: 'Reject',
      bpfEnabled: true,
    }),
  ]);
  t.match(parameters, {
    failsafeInboundHostPorts: [
      { protocol: 6, port: 22 },
      { protocol: 17, port: 53, net: 'fd00::/8' },
    ],
    refreshInterval: 90,
    markMask: 0xff000000,
    ipv6Support: false,
    logActionRateLimit: { rate: 5, per: 'hour' },
    healthTimeoutOverrides: { loop: 300 },
    filterDenyAction: 'REJECT',
  });
  t.strictSame(parameters.failsafeOutboundHostPorts, [], 'an empty list is none, not the default');
  t.strictSame(parameters.interfaceExclude, defaults.interfaceExclude, 'a pattern with a comma is cut, and bad');
  t.strictSame(
    warnings.map(({ path }) => path),
    ['FelixConfiguration default: InterfaceExclude'],
  );
  t.strictSame(errors, []);
});

t.test('precedence', async (t) => {
  const all = [
    configuration('default', { logPrefix: 'default', vxlanPort: 1, reportingTTL: '1s', healthHost: 'd' }),
    configuration('node.n1', { logPrefix: 'node', vxlanPort: 2 }),
    configuration('node.n2', { logPrefix: 'other' }),
    configuration(
      'young',
      { nodeSelector: "rack == 'r1'", reportingTTL: '2s' },
      { creationTimestamp: '2026-02-01T00:00:00Z' },
    ),
    configuration(
      'old',
      { nodeSelector: "rack == 'r1'", vxlanPort: 3, reportingTTL: '3s' },
      { creationTimestamp: '2026-01-01T00:00:00Z' },
    ),
    configuration('a-elsewhere', { nodeSelector: "rack == 'r2'", reportingTTL: '4s' }),
    configuration('a-no-selector', { reportingTTL: '5s' }),
  ];
  for (const configurations of [all, all.toReversed()]) {
    const { parameters } = resolve({ FELIX_LOGPREFIX: 'environment' }, configurations);
    t.match(parameters, { logPrefix: 'environment', vxlanPort: 2, reportingTTL: 3, healthHost: 'd', healthPort: 9099 });
  }
  t.equal(resolve({}, all).parameters.logPrefix, 'node');
});

t.test('annotations', async (t) => {
  const annotated = configuration(
    'default',
    { logPrefix: 'field' },
    {
      annotations: {
        'config.projectcalico.org/LogPrefix': 'annotation',
        'config.projectcalico.org/VxlanPort': '7',
        other: 'x',
      },
    },
  );
  t.match(resolve({}, [annotated]).parameters, { logPrefix: 'annotation', vxlanPort: 7 });
});

t.test('bad values', async (t) => {
  const both = [configuration('default', { logPrefix: 'good' }), configuration('node.n1', { logPrefix: 'b.a.d' })];
  t.equal(resolve({}, both).parameters.logPrefix, 'calico-packet', 'the built-in value, not that of the next source');
  const overridden = resolve({ FELIX_FAILSAFEINBOUNDHOSTPORTS: 'tcp:1' }, [
    configuration('default', {}, { annotations: { 'config.projectcalico.org/FailsafeInboundHostPorts': '?' } }),
  ]);
  t.strictSame(overridden.parameters.failsafeInboundHostPorts, [{ protocol: 6, port: 1 }]);
  t.match(
    overridden.errors,
    [{ path: 'FelixConfiguration default: FailsafeInboundHostPorts' }],
    'told though it does not count',
  );
  const previous = resolve({ FELIX_INTERFACEPREFIX: 'tap', FELIX_LOGPREFIX: 'x' }).parameters;
  const after = resolveFelixParameters({
    environment: { FELIX_INTERFACEPREFIX: '?', FELIX_LOGPREFIX: '?' },
    configurations: [],
    node: 'n1',
    previous,
  });
  t.strictSame(after.parameters.interfacePrefix, ['tap'], 'the last good value stays');
  t.equal(after.parameters.logPrefix, 'calico-packet', 'of parameters whose bad values are errors only');
});

t.test('parameters for iptables', async (t) => {
  const old = resolve({ FELIX_IPTABLESFILTERDENYACTION: 'REJECT' }, [
    configuration('default', { iptablesRefreshInterval: '10s' }),
  ]);
  t.match(old.parameters, { filterDenyAction: 'REJECT', refreshInterval: 10 });
  t.strictSame(
    old.warnings.map(({ code }) => code),
    ['iptables-parameter', 'iptables-parameter'],
  );
  const both = resolve({ FELIX_IPTABLESFILTERDENYACTION: 'REJECT' }, [
    configuration('default', { nftablesFilterDenyAction: 'Drop' }),
  ]);
  t.equal(both.parameters.filterDenyAction, 'DROP');
  t.strictSame(both.warnings, []);
});

t.test('nftables only', async (t) => {
  t.match(resolve({ FELIX_NFTABLESMODE: 'Disabled' }).warnings, [{ code: 'nftables-only' }]);
});

t.test('addresses', async (t) => {
  const address = (text: string) => parseAddress(text)?.text;
  t.equal(address('10.0.0.1'), '10.0.0.1');
  t.equal(address('FD00:0:0::A'), 'fd00::a');
  t.equal(address('::ffff:10.0.0.1'), '10.0.0.1');
  t.equal(address('::ffff:a00:1'), '10.0.0.1');
  t.equal(address('::10.0.0.1'), '::a00:1');
  for (const text of [
    '',
    '010.0.0.1',
    '10.1',
    '0x0a000001',
    '167772161',
    '10.0.0.256',
    '1.2.3.4.5',
    ' 10.0.0.1',
    '10.0.0.1/32',
    'fe80::1%eth0',
    '::1::',
    'fd00::010.0.0.1',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '[::1]',
    ':::',
    'localhost',
  ])
    t.equal(address(text), undefined, JSON.stringify(text));
});

t.test('networks', async (t) => {
  const show = (text: string) => {
    const cidr = parseCidr(text);
    return cidr && `${cidrText(cidr)} ${cidr.family}${cidr.exact ? '' : ' inexact'}${cidr.hadMask ? '' : ' bare'}`;
  };
  t.equal(show('10.0.0.0/8'), '10.0.0.0/8 4');
  t.equal(show('10.1.2.3/12'), '10.0.0.0/12 4 inexact');
  t.equal(show('10.0.0.1'), '10.0.0.1/32 4 bare');
  t.equal(show('0.0.0.0/00'), '0.0.0.0/0 4');
  t.equal(show('FD00::1/9'), 'fd00::/9 6 inexact');
  t.equal(show('::ffff:10.0.0.0/104'), '10.0.0.0/8 4');
  t.equal(show('::ffff:0:0/96'), '0.0.0.0/0 4');
  t.equal(show('::ffff:10.0.0.1'), '10.0.0.1/32 4 bare');
  t.equal(show('::ffff:0:0/95'), '::fffe:0:0/95 6 inexact');
  for (const text of [
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '::/129',
    '/8',
    '10/8',
    '10.0.0.0/8 ',
    '10.0.0.0/1e1',
    '10.0.0/8',
    '10.0.0.0.0/8',
    '10..0.0/8',
    '.10.0.0.0/8',
    '10.0.0./8',
    '10.00.0.0/8',
    '10.0.0.01/8',
    '10.0.256.0/8',
    '10.0.0.1000/8',
    '10.0.0.0/8a',
    '10.0.0.0:8',
    '/',
  ])
    t.equal(show(text), undefined, text);
  t.equal(show('255.255.255.255/0'), '0.0.0.0/0 4 inexact');
  t.equal(show('255.255.255.255/1'), '128.0.0.0/1 4 inexact');
  t.equal(show('10.0.0.0/0008'), '10.0.0.0/8 4');
});

t.test('a network of IPv4 is the same as one that is written as a part of IPv6', async () => {
  const octet = fc.oneof(fc.nat(255).map(String), fc.nat(300).map(String), fc.constantFrom('', '00', '0', '01', 'a'));
  const quad = fc.array(octet, { minLength: 3, maxLength: 5 }).map((octets) => octets.join('.'));
  fc.assert(
    fc.property(quad, fc.nat(40), (address, length) => {
      assert.deepEqual(parseCidr(`${address}/${length}`), parseCidr(`::ffff:${address}/${96 + length}`));
    }),
    { numRuns: 2000 },
  );
});

t.test('the canonical text of a network is the one that was written, if that is canonical', async (t) => {
  const texts = ['10.0.0.0/8', '1.2.3.4/32', '10.1.0.0/8', '1.2.3.4', '0.0.0.0/0', '0.0.0.0/00', '::ffff:1.2.3.4/128'];
  t.strictSame([...texts, 'FD00::/8', 'nonsense'].map(canonicalCidr), [
    '10.0.0.0/8',
    '1.2.3.4/32',
    '10.0.0.0/8',
    '1.2.3.4/32',
    '0.0.0.0/0',
    '0.0.0.0/0',
    '1.2.3.4/32',
    'fd00::/8',
    undefined,
  ]);
});

t.test('protocols and ports', async (t) => {
  t.strictSame(['TCP', 'icmpv6', 'UdpLite', 47].map(protocolNumber), [6, 58, 136, 47]);
  t.throws(() => protocolNumber('gre'), RangeError);
  t.equal(knownProtocolNumber('constructor'), undefined);
  t.strictSame(['TCP', 'sctp', 17, 'UDPLite', 'ICMP', 1].map(supportsPorts), [true, true, true, false, false, false]);
  t.strictSame([80, '80:90', 'http'].map(parsePort), [{ from: 80, to: 80 }, { from: 80, to: 90 }, { name: 'http' }]);
});

t.test('durations', async (t) => {
  const seconds = {
    '90s': 90,
    '1m30s': 90,
    '1.5h': 5400,
    '100ms': 0.1,
    '-1s': -1,
    '+1s': 1,
    '0': 0,
    '.5s': 0.5,
    '1us': 1e-6,
  };
  for (const [text, value] of Object.entries(seconds)) t.equal(parseDuration(text), value, text);
  for (const text of ['', '30', '1 s', 's', 'fast', '1d', '.s', '9999999h'])
    t.equal(parseDuration(text), undefined, text);
  const printed = {
    '5m': '5m0s',
    '90s': '1m30s',
    '3600s': '1h0m0s',
    '1us': '1µs',
    '.5s': '500ms',
    '-90s': '-1m30s',
    '0': '0s',
    '1.5s': '1.5s',
    x: 'x',
  };
  for (const [text, canonical] of Object.entries(printed)) t.equal(canonicalDuration(text), canonical, text);
});
