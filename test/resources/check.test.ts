import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { check } from '../../src/cli/commands/check.js';

const tier = (name: string, spec = '{}') =>
  `apiVersion: projectcalico.org/v3\nkind: Tier\nmetadata:\n  name: ${name}\nspec: ${spec}\n`;

async function run(paths: string[], json = false) {
  let out = '';
  let errors = '';
  const io = {
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (errors += text) },
  };
  const status = await check(paths, { json }, io);
  return { status, out, errors };
}

function directory(t: Test, files: Record<string, string | Uint8Array>): string {
  const root = t.testdir();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

t.test('finds files', async (t) => {
  const root = directory(t, {
    'b.yaml': tier('b'),
    'a.yml': tier('a'),
    'sub/c.json': '{"apiVersion": "projectcalico.org/v3", "kind": "Tier", "metadata": {"name": "c"}}',
    '.hidden.yaml': 'bad',
    '.git/d.yaml': 'bad',
    'notes.txt': 'bad',
  });
  symlinkSync('..', join(root, 'sub', 'loop'));
  const { status, out } = await run([root], true);
  const report = JSON.parse(out);
  t.equal(status, 0);
  t.strictSame(
    report.documents.map(({ name }: { name: string }) => name),
    ['a', 'b', 'c'],
  );
  t.match(report, { valid: 3, invalid: 0 });
  t.equal((await run([join(root, 'notes.txt')])).status, 1, 'a named file is checked whatever its name');
  t.equal((await run([join(root, '.hidden.yaml')])).status, 1);
});

t.test('statuses and reports', async (t) => {
  const root = directory(t, {
    'good.yaml': `${tier('a')}---\n${tier('b')}`,
    'bad.yaml': `${tier('a')}---\n${tier('b', '\n  order: x\n  defaultAction: deny')}---\napiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: p}\n`,
    'broken.yaml': 'a: [1\n',
    'binary.yaml': new Uint8Array([0xff, 0xfe, 0x00]),
  });
  t.strictSame(await run([join(root, 'good.yaml')]), { status: 0, out: '2 objects valid, 0 invalid\n', errors: '' });
  const bad = join(root, 'bad.yaml');
  const { status, out } = await run([bad]);
  t.equal(status, 1);
  t.strictSame(out.split('\n'), [
    `${bad}:12: Tier b: spec.order: must be a number, not 'x'`,
    `${bad}:13: Tier b: spec.defaultAction: must be one of Pass, Deny, not 'deny'`,
    `${bad}:16: IPPool p: warning: kind: IPPool is not used by Margay, and was not checked`,
    '2 objects valid, 1 invalid',
    '',
  ]);
  const json = JSON.parse((await run([bad], true)).out);
  t.match(json.documents[1], {
    file: bad,
    index: 1,
    line: 7,
    kind: 'Tier',
    name: 'b',
    valid: false,
    issues: [{ path: 'spec.order', code: 'type', line: 12 }, {}],
    warnings: [],
  });
  t.match(json, { valid: 2, invalid: 1 });
  t.equal((await run([join(root, 'broken.yaml')])).status, 1);
  t.match(JSON.parse((await run([join(root, 'binary.yaml')], true)).out), {
    documents: [{ valid: false, issues: [{ code: 'unreadable' }] }],
  });
  const missing = await run([join(root, 'nothing'), join(root, 'good.yaml')]);
  t.equal(missing.status, 2);
  t.match(missing.errors, /nothing: no such file/);
});

t.test('names can not write to the terminal', async (t) => {
  const root = directory(t, { 'x.yaml': tier('"a\\e[31m\\nb"') });
  const { out } = await run([join(root, 'x.yaml')]);
  t.notMatch(out, '\u001b');
  t.equal(out.split('\n').length, 3);
});
