import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { getHelp } from '../../src/cli/client-help.js';
import { kindTables } from '../../src/cli/objects/kind-tables.js';
import { runProgram } from '../../src/cli/program.js';
import { kinds } from '../../src/resources/kinds.js';
import { sample } from '../resources/sample-resources.js';
import { type Answer, type Step, steady, steps } from './calicoctl-steps.js';

interface RunOptions {
  readonly stdin?: string;
  readonly signal?: AbortSignal;
  readonly isTTY?: boolean;
  readonly onOutput?: (text: string) => void;
}

/** Margay with a directory of files as its datastore. */
function margay(directory: string) {
  return async (args: readonly string[], { stdin = '', signal, isTTY, onOutput }: RunOptions = {}): Promise<Answer> => {
    let stdout = '';
    let stderr = '';
    const write = (text: string): void => {
      stdout += text;
      onOutput?.(stdout);
    };
    const status = await runProgram(args, {
      stdout: { write, isTTY },
      stderr: { write: (text: string) => (stderr += text) },
      environment: { MARGAY_DATASTORE: `file:${directory}` },
      stdin: (async function* () {
        yield stdin;
      })(),
      ...(signal === undefined ? {} : { signal }),
    });
    return { status, stdout, stderr };
  };
}

function prepare(t: Test, files: Record<string, string | Record<string, never>> = {}) {
  const directory = t.testdir(files);
  const run = margay(directory);
  return {
    directory,
    run,
    read: (name: string) => readFileSync(join(directory, name), 'utf8'),
    /** A command that must succeed. */
    async ok(...args: readonly string[]): Promise<string> {
      const { status, stdout, stderr } = await run(args);
      t.equal(status, 0, `${args.join(' ')}: ${stderr}`);
      return stdout;
    },
  };
}

const answers: readonly Answer[] = JSON.parse(readFileSync(new URL('calicoctl-answers.json', import.meta.url), 'utf8'));

t.test('what calicoctl answers', async (t) => {
  const directory = t.testdir({ store: {}, input: {} });
  const run = margay(join(directory, 'store'));
  const file = join(directory, 'input', 'input.yaml');
  t.equal(answers.length, steps.length, 'recorded: see record-calicoctl.ts');
  for (const [index, step] of steps.entries()) {
    if (step.file !== undefined) writeFileSync(file, step.file);
    const answer = await run(step.args.map((word) => (word === 'FILE' ? file : word)));
    const expected = answers[index] ?? { status: -1, stdout: '', stderr: '' };
    await t.test(`${index} ${step.args.join(' ')}`, (t) => compare(t, step, answer, expected));
  }
});

async function compare(t: Test, { args, differs }: Step, own: Answer, calicoctl: Answer): Promise<void> {
  if (differs !== undefined) {
    t.equal(own.status, differs.startsWith('a usage error') ? 2 : 1, differs);
    t.match(own.stderr, /^margay: \S/);
    return;
  }
  t.equal(own.status, calicoctl.status, own.stderr);
  for (const [phrase] of calicoctl.stderr.matchAll(phrases))
    t.ok(own.stderr.includes(phrase), `${phrase}: ${own.stderr}`);
  if (args[0] !== 'get') t.equal(own.stdout.replace(partial, ''), calicoctl.stdout.replace(partial, ''));
  else if (own.status === 0 && args.includes('json')) sameObjects(t, JSON.parse, steady(own.stdout), calicoctl.stdout);
  else if (own.status === 0 && args.includes('yaml')) sameObjects(t, parse, steady(own.stdout), calicoctl.stdout);
  else t.same(cells(own.stdout), cells(calicoctl.stdout));
}

/** What users know messages by. */
const phrases =
  /resource (?:does not exist|already exists): [A-Z]\S+\)|update conflict: \S+|\w+ is not namespaced|resource namespace does not match client namespace. \w+ != \w+|Failed to delete '\w+' resource|is not supported on/g;

/** calicoctl counts those that failed as the first of all. */
const partial = /^(?:Partial success|Successfully deleted 1 'HostEndpoint').*\n|^.* was deleted with .*\n/gm;

/** Rows and their words; numbers as people write them. */
function cells(table: string): string[][] {
  const lines = table.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) =>
    line
      .trim()
      .replace(/<nil>/g, '')
      .split(/\s+/)
      .map((word) => (/^[-\d.e+]+$/.test(word) ? String(Number(word)) : word))
      .filter((word) => word !== ''),
  );
}

/** Byte for byte, but for what Calico's client adds to FelixConfigurations, an empty status, and the last newline. */
function sameObjects(t: Test, read: (text: string) => unknown, own: string, calicoctl: string): void {
  if (!/"?kind"?: "?(?:FelixConfiguration|Tier)/.test(own)) {
    t.equal(own.trimEnd(), calicoctl.trimEnd());
    return;
  }
  const [mine, theirs] = [read(own), read(calicoctl)] as { items?: unknown[] }[];
  const names = (list: unknown[] = []): unknown[] => list.map((item) => Reflect.get(Object(item), 'metadata').name);
  if (mine?.items !== undefined) t.same(names(mine.items), names(theirs?.items));
  else t.match({ ...theirs, status: {} }, { ...mine, status: {} });
}

t.test('every kind', async (t) => {
  const { run, ok } = prepare(t, { 'tier.yaml': JSON.stringify({ ...sample('Tier'), metadata: { name: 't1' } }) });
  for (const { kind, plural, shortNames, namespaced } of Object.values(kinds)) {
    const where = namespaced ? ['-A'] : [];
    for (const word of [kind, kind.toUpperCase(), plural, ...shortNames]) {
      const { status, stdout } = await run(['get', word, ...where, '-o', 'json']);
      t.equal(status, 0);
      t.equal(JSON.parse(stdout).kind, `${kind}List`, word);
    }
    t.match(await ok('get', kind, ...where, '-o', 'wide'), new RegExp(`${kindTables[kind].at(-1)?.heading}\n`));
    for (const word of [kind, ...shortNames]) t.match(getHelp, new RegExp(`\\b${word}\\b`), `help names ${word}`);
  }
});

t.test('kinds of Calico that Margay has no use for', async (t) => {
  const { run } = prepare(t);
  const words =
    'ippool IPPools ipp pool bgpconfig BGPPeer bps bf nodestatus kubecontrollersconfigs ipamconfig reservations blockaffinities livemigration';
  for (const word of words.split(' '))
    t.match(await run(['get', word]), { status: 1, stderr: /is a kind of Calico that Margay has no use for/ }, word);
});

const web = `# everybody may see it
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: web}
spec:
  order: 10
  selector: role == 'web'
  ingress:
    - {action: Allow, protocol: TCP, destination: {ports: [80, 443]}}
    - {action: Log, source: {nets: [10.0.0.0/8], notSelector: has(trusted)}}
    - {action: Deny}
`;

t.test('files stay as they are but for the object that is changed', async (t) => {
  const host =
    'apiVersion: projectcalico.org/v3\nkind: HostEndpoint # eth0\nmetadata: {name: h1}\nspec: {node: n1, interfaceName: eth0}\n';
  const { run, ok, read, directory } = prepare(t, { 'a.yaml': `${host}---\n${web}`, 'b.json': '[]' });
  await ok('patch', 'gnp', 'web', '-p', 'spec: {order: 5}');
  t.ok(
    read('a.yaml').startsWith(`${host}---\n# everybody may see it\n`),
    'the other document, and the comment above this one',
  );
  t.match(await ok('get', 'gnp', '-o', 'wide'), /^web\s+default\s+5\s+role == 'web'$/m);
  await ok('delete', 'gnp/web');
  t.equal(read('a.yaml'), host);
  t.equal((await run(['create', '-f', '-'], { stdin: web })).status, 0);
  t.same(readdirSync(directory).sort(), ['a.yaml', 'b.json', 'globalnetworkpolicy-web.yaml']);
  t.match(
    read('globalnetworkpolicy-web.yaml'),
    /^kind: GlobalNetworkPolicy\napiVersion: \S+\nmetadata:\n {2}name: web\n/,
  );
  await ok('delete', 'hep', 'h1');
  t.same(
    readdirSync(directory).sort(),
    ['b.json', 'globalnetworkpolicy-web.yaml'],
    'the last object takes its file with it',
  );
});

t.test('several documents, lists, directories, standard input', async (t) => {
  const { run, ok, directory } = prepare(t, { store: {} });
  const input = join(directory, 'input');
  mkdirSync(join(input, 'deep'), { recursive: true });
  const set = (name: string) => ({
    apiVersion: 'projectcalico.org/v3',
    kind: 'GlobalNetworkSet',
    metadata: { name },
    spec: {},
  });
  writeFileSync(
    join(input, 'list.json'),
    JSON.stringify({ kind: 'List', apiVersion: 'v1', items: [set('a'), set('b')] }),
  );
  writeFileSync(join(input, 'two.yml'), ['c', 'd'].map((name) => JSON.stringify(set(name))).join('\n---\n'));
  writeFileSync(join(input, 'notes.txt'), 'not a resource');
  writeFileSync(join(input, 'deep', 'e.yaml'), JSON.stringify(set('e')));
  const store = margay(join(directory, 'store'));
  const apply = (...args: string[]) => store(['apply', ...args]);
  t.equal((await apply('-f', input)).stdout, "Successfully applied 4 'GlobalNetworkSet' resource(s)\n");
  t.equal((await apply('-f', input, '-R')).stdout, "Successfully applied 5 'GlobalNetworkSet' resource(s)\n");
  const again = await store(['apply', '-f', '-', '-f', join(input, 'two.yml')], {
    stdin: JSON.stringify([set('f'), set('g')]),
  });
  t.equal(
    again.stdout,
    "Successfully applied 4 'GlobalNetworkSet' resource(s)\n",
    'a sequence, and files several times',
  );
  t.equal((await store(['get', 'gns', '-o', 'name'])).stdout, 'abcdefg'.replace(/./g, 'globalnetworkset/$&\n'));
  const listed = await store(['get', '-f', input, '-o', 'json']);
  t.same(
    JSON.parse(listed.stdout).map((object: { metadata: { name: string } }) => object.metadata.name),
    ['a', 'b', 'c', 'd'],
  );
  writeFileSync(join(input, 'empty.yaml'), '# nothing\n');
  t.match(await apply('-f', join(input, 'empty.yaml')), { status: 1, stderr: /no resources specified in file/ });
  t.match(await apply('-f', join(input, 'empty.yaml'), '--skip-empty'), {
    status: 0,
    stdout: 'No resources specified\n',
  });
  t.match(await apply('-f', join(input, 'nowhere')), { status: 2, stderr: /no such file or directory/ });
  t.match(await apply(), { status: 2, stderr: /margay: -f: say which file to apply/ });
  t.match(await run(['delete', 'gns']), { status: 2, stderr: /say which objects to delete/ });
  t.match(
    await ok('get', 'tier', '-o', 'name'),
    /^tier\/kube-admin\ntier\/default\ntier\/kube-baseline\n$/,
    'by order',
  );
});

t.test('mistakes, with file, line and field', async (t) => {
  const { directory } = prepare(t, { store: {} });
  const store = margay(join(directory, 'store'));
  const good = web.replace('name: web', 'name: good');
  const apply = (text: string, ...args: string[]) => store(['apply', '-f', '-', ...args], { stdin: text });
  t.match(await apply(`${good}---\n${web.replace('order: 10', 'ordr: 10')}`), {
    status: 1,
    stdout: '',
    stderr:
      /^margay: stdin:18: GlobalNetworkPolicy web: spec.ordr: field ordr is not known here.*\nmargay: nothing was done\n$/,
  });
  t.match(await apply(`${good}---\nkind: {`), {
    status: 1,
    stderr: /^margay: stdin:13: .*\nmargay: nothing was done/s,
  });
  t.match(await apply('apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: p}\n'), {
    status: 1,
    stderr: /^margay: stdin:2: kind: IPPool is a kind of Calico that Margay has no use for; manage it with calicoctl\n/,
  });
  t.equal((await store(['get', 'gnp', '-o', 'name'])).stdout, '', 'nothing was written');
  const partly = await apply(`${good}---\n${web.replace("role == 'web'", 'role ==').replace('[80, 443]', '[0]')}`);
  t.match(partly, {
    status: 1,
    stdout: "Partial success: applied 1 out of 2 'GlobalNetworkPolicy' resource(s)\n",
    stderr:
      /^margay: Failed to apply 'GlobalNetworkPolicy' resource: stdin:\d+: GlobalNetworkPolicy\(web\): error with the following fields:\n- {2}spec.selector \(.*\), line 19\n- {2}spec.ingress\[0\].destination.ports\[0\] \(.*\), line 21\n$/,
  });
  const json = await apply(`${good}---\n${web.replace("role == 'web'", 'role ==')}`, '--json');
  t.match(JSON.parse(json.stdout), {
    dryRun: false,
    succeeded: 1,
    failed: 1,
    objects: [
      { kind: 'GlobalNetworkPolicy', name: 'good', file: 'stdin', line: 2, result: 'updated' },
      { name: 'web', result: 'failed', error: /^error with field spec.selector \(/ },
    ],
  });
  t.match(await apply(good.replace('name: good', 'name: quoted, labels: {a: yes}')), {
    status: 0,
    stderr: /^margay: stdin:4: warning: metadata.labels.a: plain yes is a string here/,
  });
  t.match(await store(['get', 'hostendpiont']), { status: 2, stderr: /did you mean HostEndpoint\?/ });
  t.match(await store(['get', 'ipp']), { status: 1, stderr: /IPPool is a kind of Calico that Margay has no use for/ });
  t.match(await store(['get', 'hep', 'a', '-f', 'x']), { status: 2 });
  t.match(await store(['get']), { status: 2, stderr: /margay: KIND: say which objects/ });
  t.match(await store(['get', 'hep/a', 'b']), { status: 2, stderr: /must be KIND\/NAME/ });
  t.match(await store(['get', 'np', 'a', '-A']), { status: 2 });
  t.match(await store(['patch', 'gnp', 'good', '-p', '[']), { status: 2, stderr: /neither JSON nor YAML/ });
  t.match(await store(['patch', 'gnp', 'good', '-p', '- op: move']), {
    status: 1,
    stderr: /the patch must be a map of fields/,
  });
  t.match(await margay(join(directory, 'nowhere'))(['get', 'gnp']), { status: 1, stderr: /nowhere does not exist\n$/ });
});

t.test('a file that is broken, or does not count', async (t) => {
  const { run, ok } = prepare(t, { 'a.yaml': web, 'b.yaml': web, 'c.yaml': 'kind: [web2' });
  const { status, stdout, stderr } = await run(['get', 'gnp', '-o', 'name']);
  t.same([status, stdout], [0, 'globalnetworkpolicy/web\n'], 'what can be read');
  t.match(stderr, /b\.yaml:2: GlobalNetworkPolicy web is also in .*a\.yaml.*\n.*c\.yaml:1: /);
  t.match(await run(['create', '-f', '-'], { stdin: web.replace('name: web', 'name: web2') }), {
    status: 1,
    stderr: /c\.yaml line 1 can't be parsed .* and may hold GlobalNetworkPolicy web2: repair it first/,
  });
  await ok('delete', 'gnp', 'web');
  t.equal(await ok('get', 'gnp', '-o', 'name'), '', 'the second one does not take over');
});

t.test('conflicts', async (t) => {
  const { run, ok, directory } = prepare(t, { 'a.yaml': web });
  const first = await ok('get', 'gnp', 'web', '-o', 'yaml');
  await ok('patch', 'gnp', 'web', '-p', 'spec: {order: 11}');
  for (const verb of ['apply', 'replace'] as const)
    t.match(await run([verb, '-f', '-'], { stdin: first }), {
      status: 1,
      stderr: /update conflict: GlobalNetworkPolicy\(web\): resource version '\w+' is out of date \(latest: \w+\)/,
    });
  t.match(await run(['delete', '-f', '-'], { stdin: first }), { status: 1, stderr: /update conflict/ });
  const latest = await ok('get', 'gnp', 'web', '-o', 'yaml');
  t.equal((await run(['apply', '-f', '-'], { stdin: latest.replace('order: 11', 'order: 12') })).status, 0);
  t.match(await ok('get', 'gnp', 'web', '-o', 'wide'), / 12 /);
  t.match(await run(['create', '-f', '-'], { stdin: latest }), { status: 1, stderr: /metadata.resourceVersion/ });
  t.same(readdirSync(directory), ['a.yaml']);
});

t.test('dry run', async (t) => {
  const { run, ok, directory, read } = prepare(t, { 'a.yaml': web });
  const both = `apiVersion: projectcalico.org/v3\nkind: Tier\nmetadata: {name: new}\n---\n${web.replace('spec:', 'spec:\n  tier: new')}`;
  const applied = await run(['apply', '-f', '-', '--dry-run'], { stdin: both });
  t.same(applied, {
    status: 0,
    stderr: '',
    stdout:
      'Tier(new) would be created\nGlobalNetworkPolicy(web) would be changed\nDry run: would have applied 2 resource(s); nothing was written\n',
  });
  t.match(
    await ok('delete', 'gnp', 'web', '--dry-run'),
    /^GlobalNetworkPolicy\(web\) would be deleted\nDry run: would have deleted 1/,
  );
  t.match(await ok('patch', 'gnp', 'web', '-p', 'spec: {order: 1}', '--dry-run', '--json'), /"dryRun": true/);
  t.match(await run(['create', '-f', '-', '--dry-run'], { stdin: web }), {
    status: 1,
    stderr: /resource already exists/,
  });
  t.same([readdirSync(directory), read('a.yaml')], [['a.yaml'], web], 'nothing was written');
});

t.test('a node takes what belongs to it along', async (t) => {
  const { ok, run } = prepare(t);
  for (const kind of ['Tier', 'Node', 'HostEndpoint', 'WorkloadEndpoint'] as const)
    await run(['create', '-f', '-'], { stdin: JSON.stringify(sample(kind)) });
  const { status, stdout } = await run(['delete', 'node', 'n1']);
  t.same(
    [status, stdout],
    [
      0,
      "WorkloadEndpoint(prod/n1-k8s-my--pod-eth0) was deleted with Node(n1)\nHostEndpoint(h1) was deleted with Node(n1)\nSuccessfully deleted 1 'Node' resource(s)\n",
    ],
  );
  t.equal(await ok('get', 'hep,node', '-o', 'name'), '');
});

t.test('export, several kinds and names', async (t) => {
  const { ok } = prepare(t, { 'a.yaml': `${web}---\n${web.replaceAll('web', 'db')}` });
  t.same(JSON.parse(await ok('get', 'gnp', 'web', '--export', '-o', 'json')).metadata, {
    name: 'web',
    labels: { 'projectcalico.org/tier': 'default' },
  });
  const two = JSON.parse(await ok('get', 'gnp', 'web', 'db', '--json'));
  t.same(
    two.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
    ['web', 'db'],
  );
  const lists = parse(await ok('get', 'gnp,tier', '-o', 'yaml'));
  t.same(
    lists.map(({ kind }: { kind: string }) => kind),
    ['GlobalNetworkPolicyList', 'TierList'],
  );
  t.match(await ok('get', 'tier,gnp'), /^NAME +ORDER\n(?:.+\n)+\nNAME +TIER\n/);
});

t.test('describe', async (t) => {
  const { run, ok } = prepare(t, { 'a.yaml': web });
  const text = await ok('describe', 'gnp', 'web');
  t.match(
    text,
    `Spec:
  tier      default
  order     10
  selector  role == 'web'
  types     Ingress

Ingress:
  [0] Allow TCP
        to    ports 80, 443
  [1] Log
        from  nets 10.0.0.0/8
              not selector has(trusted)
  [2] Deny
`,
  );
  const colored = await run(['describe', 'gnp/web'], { isTTY: true });
  t.match(colored.stdout, '\u001b[32mAllow\u001b[39m');
  t.equal(stripVTControlCharacters(colored.stdout), text);
  for (const kind of Object.values(kinds)) {
    const { status, stdout } = await run(['create', '-f', '-'], { stdin: JSON.stringify(sample(kind.kind)) });
    const scope = kind.namespaced ? ['-n', 'prod'] : [];
    if (status === 0) t.match(await ok('describe', kind.kind, ...scope), new RegExp(`Kind: +${kind.kind}\n`), stdout);
  }
  t.match(await run(['describe', 'gnp', 'nowhere', 'web']), {
    status: 1,
    stderr: /does not exist: GlobalNetworkPolicy\(nowhere/,
  });
  const [entry] = JSON.parse(await ok('describe', 'profile', 'projectcalico-default-allow', '--json'));
  t.match(entry, { object: { kind: 'Profile' }, warnings: [] });
});

t.test('an object that is not valid is shown, and what is wrong with it', async (t) => {
  const { ok } = prepare(t, { 'a.yaml': web.replace('action: Deny', 'action: Refuse') });
  t.match(await ok('get', 'gnp', 'web', '-o', 'yaml'), /action: Refuse/);
  t.match(await ok('describe', 'gnp', 'web'), /\nInvalid: spec.ingress\[2\].action: must be one of/);
});

t.test('watch', async (t) => {
  for (const format of ['table', 'json', 'name', 'yaml'] as const) {
    const { ok, run } = prepare(t, { 'a.yaml': web });
    const stop = new AbortController();
    let seen = '';
    const waiting = new Set<() => void>();
    const until = (text: RegExp): Promise<void> =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!text.test(seen)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      });
    const onOutput = (text: string): void => {
      seen = text;
      for (const check of waiting) check();
    };
    const watching = run(['get', 'gnp', '--watch', '-o', format], { signal: stop.signal, onOutput });
    await until(/web/);
    await run(['create', '-f', '-'], { stdin: web.replace('name: web', 'name: other') });
    await until(/other/);
    await ok('delete', 'gnp', 'web');
    await until(/deleted/);
    stop.abort();
    const { status, stdout, stderr } = await watching;
    t.same([status, stderr], [0, '']);
    if (format === 'table')
      t.same(cells(stdout), [
        ['EVENT', 'NAME', 'TIER'],
        ['added', 'web', 'default'],
        ['added', 'other', 'default'],
        ['deleted', 'web', 'default'],
      ]);
    if (format === 'json')
      t.same(
        stdout
          .trim()
          .split('\n')
          .map((line) => [JSON.parse(line).type, JSON.parse(line).object.metadata.name]),
        [
          ['added', 'web'],
          ['added', 'other'],
          ['deleted', 'web'],
        ],
      );
    if (format === 'name')
      t.equal(stdout, 'globalnetworkpolicy/web\nglobalnetworkpolicy/other\nglobalnetworkpolicy/web deleted\n');
    if (format === 'yaml') t.match(stdout, /^--- # added\napiVersion: .*--- # deleted\n/s);
  }
  const { run } = prepare(t);
  t.match(await run(['get', 'hep,gnp', '--watch']), { status: 2 });
});
