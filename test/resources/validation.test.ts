import { readdirSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { type DerivedKind, derivedKinds, type Kind, kindNamed, kinds } from '../../src/resources/kinds.js';
import { defaultAllowProfile } from '../../src/resources/packaged-rules.js';
import { type ParseOptions, parseResource } from '../../src/resources/parse-resource.js';
import { parsePath, pathText } from '../../src/resources/path.js';
import type { Issue } from '../../src/resources/resource.js';
import { workloadEndpointName } from '../../src/resources/workload-endpoint-name.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { bad, badDerived, good, long, toldDerived } from './bad-resources.js';
import { type Fields, sample, withField } from './sample-resources.js';

const asUser: ParseOptions = { unknownFields: 'error', defaults: 'client', checkSelector };
const fromDatastore: ParseOptions = { unknownFields: 'warning', defaults: 'none', checkSelector };
const allKinds = Object.keys(kinds) as Kind[];

function issuesOf(value: unknown, options = asUser): readonly Issue[] {
  const { parsed } = parseResource(value, options);
  return parsed.valid ? [] : parsed.issues;
}

for (const kind of allKinds) {
  t.test(kind, async (t) => {
    t.strictSame(issuesOf(sample(kind)), [], 'the sample is valid');
    t.ok(bad[kind].length > 0, 'has bad cases');
    for (const [path, value, code, told = path] of bad[kind]) {
      const issues = issuesOf(withField(sample(kind), path, value));
      const found = issues.some((issue) => issue.code === code && issue.path === told && issue.message !== '');
      t.ok(found, `${code} at ${told}, for ${path} = ${String(JSON.stringify(value)).slice(0, 60)}`, { issues });
    }
    for (const [path, value] of good[kind] ?? [])
      t.strictSame(issuesOf(withField(sample(kind), path, value)), [], `${path} = ${JSON.stringify(value)} is valid`);
  });
}

for (const kind of Object.keys(derivedKinds) as DerivedKind[]) {
  t.test(kind, async (t) => {
    t.match(parseResource(sample(kind), fromDatastore), { key: { kind }, parsed: { valid: true, warnings: [] } });
    t.match(issuesOf(sample(kind)), [{ path: 'kind', code: 'kind' }], 'nobody can write it');
    t.equal(kindNamed(kind), undefined, 'nor ask for it');
    for (const [path, value, code, told = path] of badDerived[kind])
      t.match(issuesOf(withField(sample(kind), path, value), fromDatastore), [{ path: told, code }], `${path} ${code}`);
    for (const [path, value, code, told = path] of toldDerived[kind]) {
      const { parsed } = parseResource(withField(sample(kind), path, value), fromDatastore);
      t.match(parsed, { valid: true, warnings: [{ path: told, code }] }, `${path} ${code}`);
    }
  });
}

t.test('an endpoint slice with nothing in it', async (t) => {
  const slice = { ...sample('EndpointSlice'), spec: { service: null, addresses: null, ports: [{ protocol: null }] } };
  t.match(parseResource(slice, fromDatastore).parsed, {
    valid: true,
    resource: { spec: { ports: [{}] } },
    warnings: [],
  });
});

t.test('every rule has a bad case', async (t) => {
  const directory = new URL('../../src/resources/', import.meta.url);
  const sources = readdirSync(directory).map((file) => readFileSync(new URL(file, directory), 'utf8'));
  const rules = new Set(sources.join('\n').match(/(?<=')V-[A-Z]+(?:-[A-Z0-9]+)*(?=')/g));
  const tried = new Set(Object.values(bad).flatMap((cases) => cases.map(([, , code]) => code)));
  rules.delete('V-FC');
  t.ok(rules.size > 60, 'the rules were found');
  t.strictSame(
    [...rules].filter((rule) => !tried.has(rule)),
    [],
  );
});

t.test('all that is wrong is told', async (t) => {
  const object = sample('HostEndpoint');
  object.spec = {
    node: 'N',
    interfaceName: 'a/b',
    expectedIPs: ['x'],
    profiles: ['P'],
    ports: [{ name: '', protocol: 'X', port: 0 }],
    more: 1,
  };
  t.strictSame(
    issuesOf(object)
      .map(({ path }) => path)
      .sort(),
    [
      'spec.expectedIPs[0]',
      'spec.interfaceName',
      'spec.more',
      'spec.node',
      'spec.ports[0].name',
      'spec.ports[0].port',
      'spec.ports[0].protocol',
      'spec.ports[0].protocol',
      'spec.profiles[0]',
    ],
  );
  const rule = withField(sample('Profile'), 'spec.ingress[0].action', 'allow');
  const codes = issuesOf(withField(rule, 'spec.ingress[0].source.nets', ['10.0.0.1'])).map(({ code }) => code);
  t.strictSame(codes.sort(), ['V-ACTION', 'V-RULE-6']);
});

t.test('envelope', async (t) => {
  for (const value of [null, 42, 'x', [], true])
    t.strictSame(
      issuesOf(value).map(({ code }) => code),
      ['type'],
    );
  const codesFor = (change: Fields) =>
    issuesOf({ ...sample('Tier'), ...change }).map(({ path, code }) => `${path} ${code}`);
  t.strictSame(codesFor({ kind: undefined }), ['kind required']);
  t.strictSame(codesFor({ kind: 'tier' }), ['kind kind']);
  t.strictSame(codesFor({ kind: 7 }), ['kind kind']);
  t.strictSame(codesFor({ kind: 'constructor' }), ['kind kind']);
  t.strictSame(codesFor({ apiVersion: 'v1' }), ['apiVersion api-version']);
  t.strictSame(codesFor({ apiVersion: undefined, APIVersion: 'projectcalico.org/v3' }), ['apiVersion api-version']);
  t.strictSame(codesFor({ metadata: null }), ['metadata.name required']);
  t.strictSame(codesFor({ metadata: 'x' }), ['metadata type']);
});

t.test('keys', async (t) => {
  const keyOf = (value: unknown) => parseResource(value, asUser).key;
  t.strictSame(keyOf(sample('Tier')), { kind: 'Tier', name: 't1' });
  t.strictSame(keyOf(withField(sample('NetworkPolicy'), 'metadata.namespace', undefined)), {
    kind: 'NetworkPolicy',
    namespace: 'default',
    name: 'n1',
  });
  t.strictSame(
    keyOf(withField(sample('Tier'), 'spec.order', 'x')),
    { kind: 'Tier', name: 't1' },
    'an invalid object has one too',
  );
  t.equal(keyOf(withField(sample('Tier'), 'metadata.name', '')), undefined);
  t.equal(
    parseResource(withField(sample('NetworkPolicy'), 'metadata.namespace', ''), fromDatastore).key?.namespace,
    '',
  );
});

t.test('field names in any letter case', async (t) => {
  const { parsed } = parseResource(
    {
      apiVersion: 'projectcalico.org/v3',
      kind: 'GlobalNetworkPolicy',
      Metadata: { NAME: 'p' },
      spec: { preDnat: true, ApplyOnForward: true, ingress: [{ Action: 'Deny' }] },
    },
    asUser,
  );
  t.match(parsed, {
    valid: true,
    resource: { metadata: { name: 'p' }, spec: { preDNAT: true, applyOnForward: true, ingress: [{ action: 'Deny' }] } },
  });
});

t.test('what the client fills in', async (t) => {
  const filled = (kind: Kind, metadata: Fields, spec: unknown) => {
    const { parsed } = parseResource({ apiVersion: 'projectcalico.org/v3', kind, metadata, spec }, asUser);
    return parsed.valid ? parsed.resource : parsed.issues;
  };
  const deny = [{ action: 'Deny' }];
  t.match(filled('GlobalNetworkPolicy', { name: 'p' }, {}), {
    metadata: { labels: { 'projectcalico.org/tier': 'default' } },
    spec: { tier: 'default', types: ['Ingress'] },
  });
  t.match(filled('NetworkPolicy', { name: 'p' }, { egress: deny }), {
    metadata: { namespace: 'default' },
    spec: { types: ['Egress'] },
  });
  t.match(filled('NetworkPolicy', { name: 'p' }, { ingress: deny, egress: deny, types: [] }), {
    spec: { types: ['Ingress', 'Egress'] },
  });
  t.match(filled('NetworkPolicy', { name: 'p' }, { ingress: deny, types: ['Egress'] }), {
    spec: { types: ['Egress'] },
  });
  t.match(filled('Tier', { name: 't' }, { order: null }), { spec: { order: 1_000_000, defaultAction: 'Deny' } });
  t.match(filled('StagedGlobalNetworkPolicy', { name: 'p' }, null), { spec: { stagedAction: 'Set' } });
  t.match(
    filled(
      'WorkloadEndpoint',
      { labels: { a: 'b' } },
      { node: 'n1', orchestrator: 'cni', containerID: '0a-b', endpoint: 'eth0', interfaceName: 'cali1' },
    ),
    {
      metadata: {
        name: 'n1-cni-0a--b-eth0',
        namespace: 'default',
        labels: { a: 'b', 'projectcalico.org/namespace': 'default', 'projectcalico.org/orchestrator': 'cni' },
      },
    },
  );
  const stored = parseResource(
    { apiVersion: 'projectcalico.org/v3', kind: 'GlobalNetworkPolicy', metadata: { name: 'p' }, spec: {} },
    fromDatastore,
  );
  t.ok(
    stored.parsed.valid &&
      stored.parsed.resource.kind === 'GlobalNetworkPolicy' &&
      stored.parsed.resource.spec.types === undefined,
    'nothing is inferred for what is stored',
  );
});

t.test('decoded as Calico does', async (t) => {
  const { parsed } = parseResource(
    withField(sample('GlobalNetworkPolicy'), 'spec.ingress', [
      { action: 'Allow', protocol: '6', destination: { ports: ['80', '080:0090', '7:7', 'http'] } },
    ]),
    asUser,
  );
  t.match(parsed, {
    resource: { spec: { ingress: [{ protocol: 6, destination: { ports: [80, '80:90', 7, 'http'] } }] } },
  });
  t.match(parseResource(withField(sample('Node'), 'spec.bgp.asNumber', '1.10'), asUser).parsed, {
    resource: { spec: { bgp: { asNumber: 65546 } } },
  });
  t.match(parseResource(withField(sample('FelixConfiguration'), 'spec.reportingTTL', '.5s'), asUser).parsed, {
    resource: { spec: { reportingTTL: '500ms' } },
  });
});

t.test('what datastores may hold', async (t) => {
  const lenient: readonly (readonly [Kind, string, unknown])[] = [
    ['HostEndpoint', 'metadata.name', 'Host_1'],
    ['HostEndpoint', 'spec.profiles', [`ksa.${long(200)}`, 'Upper']],
    ['HostEndpoint', 'spec.ports[0].protocol', 'tcp'],
    ['HostEndpoint', 'spec.ports[0].protocol', 132],
    ['HostEndpoint', 'metadata.labels', { 'a b': 'c' }],
    ['GlobalNetworkPolicy', 'spec.ingress[0].protocol', 'tcp'],
    ['GlobalNetworkPolicy', 'spec.ingress[0].source.nets', ['10.0.0.1', '10.0.0.1/8']],
    ['GlobalNetworkPolicy', 'spec.ingress[0].destination.ports', ['HTTP_x']],
    ['GlobalNetworkPolicy', 'spec.newField', 1],
    ['GlobalNetworkPolicy', 'spec.selector', `a == '${long(1019)}'`],
    ['FelixConfiguration', 'spec.logPrefix', 'a.b'],
  ];
  for (const [kind, path, value] of lenient) {
    const object = withField(sample(kind), path, value);
    t.strictSame(issuesOf(object, fromDatastore), [], `${path} = ${JSON.stringify(value)} is used`);
  }
  const strict: readonly (readonly [Kind, string, unknown])[] = [
    ['GlobalNetworkPolicy', 'spec.ingress[0].action', ''],
    ['GlobalNetworkPolicy', 'spec.ingress[0].action', undefined],
    ['Profile', 'spec.egress[0].action', 'allow'],
    ['GlobalNetworkPolicy', 'spec.ingress[0].source.nets', ['10.0.0.0/33']],
    ['GlobalNetworkPolicy', 'spec.ingress[0].source.namespaceSelector', '(('],
    ['GlobalNetworkPolicy', 'spec.ingress[0].protocol', 'gre'],
    ['HostEndpoint', 'metadata.name', ''],
    ['HostEndpoint', 'spec.interfaceName', 'a/b'],
  ];
  for (const [kind, path, value] of strict)
    t.not(
      issuesOf(withField(sample(kind), path, value), fromDatastore).length,
      0,
      `${path} = ${JSON.stringify(value)} is not`,
    );
  const { parsed } = parseResource(withField(sample('HostEndpoint'), 'spec.ports[0].protocol', 'tcp'), fromDatastore);
  t.match(parsed, { resource: { spec: { ports: [{ protocol: 'TCP' }] } } });
});

t.test('warnings', async (t) => {
  const warningsOf = (value: unknown, options = asUser) =>
    parseResource(value, options).parsed.warnings.map(({ path, code }) => `${path} ${code}`);
  t.strictSame(warningsOf(sample('Profile')), ['spec.ingress[1].http http-ignored']);
  t.strictSame(
    warningsOf(
      withField(sample('HostEndpoint'), 'metadata.labels', {
        'projectcalico.org/namespace': 'a',
        'pcns.b': 'c',
        d: 'e',
      }),
    ),
    ['metadata.labels["projectcalico.org/namespace"] namespace-label', 'metadata.labels["pcns.b"] namespace-label'],
  );
  const unknown = withField(withField(sample('HostEndpoint'), 'spec.ports[0].color', 1), 'extra', 2);
  t.strictSame(warningsOf(unknown, fromDatastore), ['spec.ports[0].color unknown-field', 'extra unknown-field']);
  const { parsed } = parseResource(unknown, fromDatastore);
  t.strictSame(parsed.valid && parsed.resource, sample('HostEndpoint'), 'unknown fields are left out');
  t.strictSame(warningsOf(withField(sample('FelixConfiguration'), 'spec.nftablesMode', 'Disabled')), [
    'spec.nftablesMode nftables-only',
  ]);
});

t.test('names of kinds', async (t) => {
  for (const kind of allKinds) {
    const { plural, shortNames } = kinds[kind];
    for (const name of [kind, kind.toUpperCase(), plural, ...shortNames]) t.equal(kindNamed(name)?.kind, kind, name);
  }
  t.equal(kindNamed('ippool'), undefined);
});

t.test('names of workload endpoints', async (t) => {
  t.strictSame(workloadEndpointName({ node: 'n-1', orchestrator: 'k8s', pod: 'my-nginx', endpoint: 'eth0' }), {
    name: 'n--1-k8s-my--nginx-eth0',
  });
  t.strictSame(workloadEndpointName({ node: 'n', orchestrator: 'libnetwork', workload: 'w', endpoint: 'e' }), {
    name: 'n-libnetwork-libnetwork-e',
  });
  t.match(workloadEndpointName({ node: '-n', orchestrator: 'x', endpoint: 'e' }), {
    problems: [{ field: 'node' }, { field: 'workload' }],
  });
});

t.test('the built-in profile', async (t) => {
  t.match(defaultAllowProfile, {
    metadata: { name: 'projectcalico-default-allow' },
    spec: { ingress: [{ action: 'Allow' }], egress: [{ action: 'Allow' }] },
  });
});

t.test('paths', async (t) => {
  const paths = [
    [],
    ['spec', 'ingress', 0, 'action'],
    [2, 'a'],
    ['metadata', 'labels', 'a.b/c"]'],
    ['metadata', 'labels', ''],
  ];
  for (const path of paths) t.strictSame(parsePath(pathText(path)), path, pathText(path));
  t.equal(pathText(['metadata', 'labels', 'a.b/c']), 'metadata.labels["a.b/c"]');
});

t.test('any JSON is either valid or has issues', async (t) => {
  // JSON has no -0.
  const anything = fc.jsonValue({ maxDepth: 4 }).map((value): unknown => JSON.parse(JSON.stringify(value)));
  const check = (value: unknown): void => {
    for (const options of [asUser, fromDatastore]) {
      const { parsed } = parseResource(value, options);
      if (!parsed.valid) {
        if (parsed.issues.length === 0) throw new Error('invalid without an issue');
        if (parsed.issues.some(({ message }) => message === '')) throw new Error('an issue without a message');
      } else if (options === asUser) {
        const again = parseResource(JSON.parse(JSON.stringify(parsed.resource)), options).parsed;
        if (!again.valid || !isDeepStrictEqual(again.resource, parsed.resource))
          throw new Error('changes when parsed again');
      }
    }
  };
  t.doesNotThrow(() => fc.assert(fc.property(anything, check), { numRuns: 200 }));
  const mutation = fc.tuple(fc.constantFrom(...allKinds), fc.nat(), anything);
  const checkMutation = ([kind, index, value]: [Kind, number, unknown]): void => {
    const object = sample(kind);
    const places = leaves(object);
    const place = places[index % places.length];
    if (place !== undefined) place.holder[place.key] = value;
    check(object);
    if (issuesOf(object).some(({ path }) => path === '')) throw new Error('an issue without a path');
  };
  t.doesNotThrow(() => fc.assert(fc.property(mutation, checkMutation), { numRuns: 1000 }));
});

interface Place {
  readonly holder: Fields;
  readonly key: string;
}

function leaves(holder: Fields): Place[] {
  return Object.entries(holder).flatMap(([key, value]) => [
    { holder, key },
    ...(typeof value === 'object' && value !== null ? leaves(value as Fields) : []),
  ]);
}
