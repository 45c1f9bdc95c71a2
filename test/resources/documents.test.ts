import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { parseResource } from '../../src/resources/parse-resource.js';
import { isPlainScalar } from '../../src/resources/plain-scalar.js';
import { type RawDocument, readDocuments } from '../../src/resources/read-documents.js';
import { checkSelector } from '../../src/selector/check-selector.js';

const yaml = (text: string) => readDocuments(text, 'yaml');
const values = (documents: readonly RawDocument[]) =>
  documents.map(({ value }) => JSON.parse(JSON.stringify(value ?? null)));
const told = (issues: RawDocument['issues']) => issues.map(({ path, code, line }) => `${line}: ${path} ${code}`);

function resourceIn(document: RawDocument | undefined) {
  const { parsed } = parseResource(document?.value, { unknownFields: 'error', defaults: 'client', checkSelector });
  return parsed.valid ? parsed.resource : parsed.issues;
}

t.test('documents of a file', async (t) => {
  t.strictSame(yaml(''), []);
  t.strictSame(yaml('# nothing\n---\n---\n~\n'), []);
  const documents = yaml('a: 1\n---\n\n# two\nb: 2\n...\n---\nc: 3\n');
  t.strictSame(values(documents), [{ a: 1 }, { b: 2 }, { c: 3 }]);
  t.strictSame(
    documents.map(({ index, line }) => [index, line]),
    [
      [0, 1],
      [1, 5],
      [2, 8],
    ],
  );
  t.strictSame(values(yaml('a: 1\r\n---\r\nb: 2\r\n')), [{ a: 1 }, { b: 2 }]);
  t.strictSame(values(yaml('\uFEFFa: 1\n')), [{ a: 1 }]);
  t.strictSame(values(yaml('42')), [42]);
});

t.test('lists are taken apart', async (t) => {
  const documents = yaml('- {kind: A}\n- - {kind: B}\n  - kind: C\n    metadata:\n      name: x\n');
  t.strictSame(values(documents), [{ kind: 'A' }, { kind: 'B' }, { kind: 'C', metadata: { name: 'x' } }]);
  t.strictSame(
    documents.map(({ index, line }) => [index, line]),
    [
      [0, 1],
      [1, 2],
      [2, 3],
    ],
  );
  t.equal(documents[2]?.lineOf('metadata.name'), 5);
  const typed = yaml(
    'apiVersion: v\nkind: TierList\nitems:\n- metadata: {name: a}\n- kind: Other\n  spec: {order: yes}\n',
  );
  t.strictSame(values(typed), [
    { apiVersion: 'v', kind: 'Tier', metadata: { name: 'a' } },
    { apiVersion: 'v', kind: 'Other', spec: { order: 'yes' } },
  ]);
  t.strictSame(
    typed.map(({ warnings }) => told(warnings)),
    [[], ['6: spec.order yaml-1.1']],
  );
  t.strictSame(values(yaml('apiVersion: v1\nkind: List\nitems: [{kind: Tier}]')), [{ kind: 'Tier' }]);
  t.strictSame(yaml('kind: TierList\nitems: []'), []);
  t.strictSame(yaml('kind: TierList\n'), []);
  t.equal(yaml('kind: TierList\nitems: {}').length, 1);
});

t.test('lines of paths', async (t) => {
  const [document] = yaml(`
kind: X
spec:
  Ports:
  - name: a
    port: 1
  - name: b
  labels: {a.b/c: d,
    e: f}
  other: &other
    inner: 1
  same: *other
`);
  const line = (path: string) => document?.lineOf(path);
  t.equal(line(''), 2);
  t.equal(line('spec.ports[0].port'), 6, 'names in any letter case');
  t.equal(line('spec.ports[1]'), 7);
  t.equal(line('spec.ports[1].port'), 7, 'what is missing is where it would be');
  t.equal(line('spec.labels["a.b/c"]'), 8);
  t.equal(line('spec.labels.e'), 9);
  t.equal(line('spec.same.inner'), 11, 'through an alias');
});

t.test('broken documents', async (t) => {
  const documents = yaml('a: [1,\n---\nb: 2\n---\nc: "x\n');
  t.strictSame(
    documents.map((document) => 'value' in document),
    [false, true, false],
  );
  t.strictSame(
    documents.map(({ issues }) => issues.map(({ code }) => code)),
    [['syntax'], [], ['syntax']],
  );
  t.equal(yaml('a: 1\n\tb: 2')[0]?.issues[0]?.line, 2);
  t.equal(yaml('interfaceName: *\n')[0]?.value, undefined);
  for (const nested of ['['.repeat(20_000), `${'{a: '.repeat(5000)}1${'}'.repeat(5000)}`, '- '.repeat(5000)])
    for (const format of ['yaml', 'json'] as const)
      t.match(readDocuments(nested, format), [{ issues: [{ code: 'nesting' }] }], 'nested without end');
  t.equal(yaml(`${'{a: '.repeat(500)}1${'}'.repeat(500)}`)[0]?.value, undefined, 'nested too deeply');
});

t.test('tags', async (t) => {
  const [document] = yaml('spec:\n  selector: !has(a)\n');
  t.strictSame(told(document?.issues ?? []), ['2: spec.selector tag']);
  t.match(document?.issues[0]?.message, /quote/);
  t.notOk(document && 'value' in document);
  t.strictSame(values(yaml('a: !!str true\nb: !!str 1.0\nc: !!int 5')), [{ a: 'true', b: '1.0', c: 5 }]);
  t.strictSame(told(yaml('a: !!python/object x')[0]?.issues ?? []), ['1: a tag']);
});

t.test('repeated keys', async (t) => {
  const [same] = yaml('a:\n  endpoint: eth0\n  b: {c: 1}\n  endpoint: "eth0"\n  b: {"c": 1}\n');
  t.strictSame(values(same ? [same] : []), [{ a: { endpoint: 'eth0', b: { c: 1 } } }]);
  t.strictSame(told(same?.warnings ?? []), ['4: a.endpoint duplicate-key', '5: a.b duplicate-key']);
  const [other] = yaml('a: 1\nb: 2\na: 2\n');
  t.strictSame(told(other?.issues ?? []), ['3: a duplicate-key']);
  t.notOk(other && 'value' in other);
  const [json] = readDocuments('{"a": 1,\n "a": 2}', 'json');
  t.strictSame(told(json?.issues ?? []), ['2: a duplicate-key']);
});

t.test('aliases and merge keys', async (t) => {
  t.strictSame(values(yaml('a: &x [1, {b: 2}]\nc: *x')), [{ a: [1, { b: 2 }], c: [1, { b: 2 }] }]);
  t.strictSame(values(yaml('a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\nc: {<<: [{p: 4}, *x]}')), [
    { a: { p: 1, q: 2 }, b: { q: 3, p: 1 }, c: { p: 4, q: 2 } },
  ]);
  t.strictSame(values(yaml('a: {"<<": 1}')), [{ a: { '<<': 1 } }]);
  t.strictSame(told(yaml('a: {<<: 1}')[0]?.issues ?? []), ['1: a merge-key']);
  t.match(yaml('a: *nobody')[0]?.issues, [{ line: 1 }]);
  t.strictSame(told(yaml('a: &x\n  b: *x')[0]?.issues ?? []), ['2: a.b alias']);
  const levels = Array.from({ length: 20 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`).join(', ')}]`);
  const [bomb] = yaml(`l0: &l0 x\n${levels.join('\n')}`);
  t.strictSame(
    bomb?.issues.map(({ code }) => code),
    ['alias-expansion'],
    'a billion laughs',
  );
});

t.test('plain scalars', async (t) => {
  const [document] = yaml(
    'a: 1337495556942031415926535\nb: 0x1f\nc: 1e3\nd: True\ne: 12\nf: 010\ng: .inf\nh: 0o17\ni: 8:30\nj: -.5\n',
  );
  const value = document?.value as Record<string, unknown>;
  const read = (key: string) => {
    const scalar = value[key];
    return isPlainScalar(scalar) ? [scalar.value, scalar.source] : scalar;
  };
  t.strictSame(read('a'), [Number('1337495556942031415926535'), '1337495556942031415926535']);
  t.strictSame(read('b'), [31, '0x1f']);
  t.strictSame(read('c'), [1000, '1e3']);
  t.strictSame(read('d'), [true, 'True']);
  t.strictSame(read('e'), 12);
  t.strictSame(read('f'), [10, '010']);
  t.strictSame(read('g'), [Number.POSITIVE_INFINITY, '.inf']);
  t.strictSame(read('h'), [15, '0o17']);
  t.strictSame(read('i'), '8:30');
  t.strictSame(read('j'), [-0.5, '-.5']);
  t.strictSame(values(yaml('1: a\ntrue: b\n0x1: c')), [{ 1: 'a', true: 'b', '0x1': 'c' }]);
});

t.test('where YAML 1.1 differs', async (t) => {
  for (const word of ['y', 'n', 'Yes', 'no', 'on', 'OFF', '010', '1_000', '0b11']) {
    const [document] = yaml(`metadata:\n  labels:\n    a: ${word}\n`);
    t.strictSame(told(document?.warnings ?? []), ['3: metadata.labels.a yaml-1.1'], word);
    t.strictSame(yaml(`a: "${word}"`)[0]?.warnings, [], `"${word}"`);
  }
  for (const word of ['true', 'null', '~', '10', '1.5', '10:20', 'x', '0', '09', 'yesterday', '0x1f'])
    t.strictSame(yaml(`a: ${word}`)[0]?.warnings, [], word);
  t.strictSame(told(yaml('on: x')[0]?.warnings ?? []), ['1: on yaml-1.1'], 'as a key');
  t.strictSame(values(yaml('%YAML 1.1\n---\na: yes\n')), [{ a: 'yes' }], 'whatever the file says of itself');
});

t.test('strings where strings belong', async (t) => {
  const [document] = yaml(`
apiVersion: projectcalico.org/v3
kind: HostEndpoint
metadata:
  name: 12
  labels: {a: 1_000, b: 0xff, c: true, d: no, e: ~, f: 1337495556942031415926535, g: 1.0, 1: h}
spec: {node: 1e3, interfaceName: 5, ports: [{name: a, protocol: 6, port: 0x50}]}
`);
  t.match(resourceIn(document), {
    metadata: {
      name: '12',
      labels: { a: '1_000', b: '0xff', c: 'true', d: 'no', e: '', f: '1337495556942031415926535', g: '1.0', 1: 'h' },
    },
    spec: { node: '1e3', interfaceName: '5', ports: [{ protocol: 6, port: 80 }] },
  });
});

t.test('JSON', async (t) => {
  t.strictSame(values(readDocuments('{"a": [1, "\\u00e4\\ud83d\\ude00\\/"]}', 'json')), [{ a: [1, 'ä😀/'] }]);
  t.strictSame(values(readDocuments('[{"a": 1}, {"b": 2}]', 'json')), [{ a: 1 }, { b: 2 }]);
  const key = 'k'.repeat(3000);
  t.strictSame(values(readDocuments(`{"${key}": 1}`, 'json')), [{ [key]: 1 }], 'what YAML would refuse');
  const [broken] = readDocuments('{\n "a": 1,\n "b" 2\n}', 'json');
  t.equal(broken?.value, undefined);
  t.equal(broken?.issues[0]?.code, 'syntax');
  const [document] = readDocuments('{\n"kind": "Tier",\n"spec": {\n"order": 1}}', 'json');
  t.equal(document?.lineOf('spec.order'), 4);
});

t.test("the samples of Calico's pages", async (t) => {
  const example = (name: string) =>
    yaml(readFileSync(new URL(`../../rules/examples/${name}.yaml`, import.meta.url), 'utf8'));
  const [host] = example('calico-host-endpoint');
  t.match(resourceIn(host), {
    kind: 'HostEndpoint',
    spec: { expectedIPs: ['192.168.0.1', '192.168.0.2'], ports: [{ port: 1234 }, { port: 5432 }] },
  });
  t.strictSame(host?.warnings, []);
  const [workload] = example('calico-workload-endpoint');
  t.match(resourceIn(workload), {
    kind: 'WorkloadEndpoint',
    spec: { containerID: '1337495556942031415926535', endpoint: 'eth0' },
  });
  t.strictSame(told(workload?.warnings ?? []), ['17: spec.endpoint duplicate-key']);
});

t.test('any text can be read', async (t) => {
  const pieces = fc.constantFrom(
    'a',
    ': ',
    '- ',
    '\n',
    '  ',
    '[',
    ']',
    '{',
    '}',
    ',',
    '"',
    "'",
    '&x ',
    '*x',
    '<<: ',
    '!t ',
    '---\n',
    '\t',
    '|\n',
    '? ',
    '#',
    '%',
    '\u0000',
    '1',
    'yes',
    '~',
  );
  const texts = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')),
  );
  const check = (text: string): void => {
    for (const format of ['yaml', 'json'] as const) {
      for (const [position, document] of readDocuments(text, format).entries()) {
        if (document.index !== position || document.line < 1) throw new Error('position');
        if (!('value' in document) && document.issues.length === 0) throw new Error('neither value nor issue');
        document.lineOf('spec.a[0]');
        JSON.stringify(document.value);
      }
    }
  };
  t.doesNotThrow(() => fc.assert(fc.property(texts, check), { numRuns: 2000 }));
  const agrees = (value: unknown): void => {
    const [document] = readDocuments(JSON.stringify({ value }), 'json');
    if (JSON.stringify(document?.value) !== JSON.stringify({ value }))
      throw new Error('JSON is read as something else');
  };
  t.doesNotThrow(() => fc.assert(fc.property(fc.jsonValue({ noUnicodeString: false }), agrees), { numRuns: 300 }));
});
