import { join } from 'node:path';
import t from 'tap';
import type { Io } from '../../src/cli/io.js';
import { nearestName } from '../../src/cli/nearest-name.js';
import { runProgram } from '../../src/cli/program.js';
import { type Flags, resolveSettings, type Settings } from '../../src/cli/settings.js';
import { SettingsError } from '../../src/cli/settings-error.js';
import { type SettingName, settingNames, settingsTable, variableName } from '../../src/cli/settings-table.js';

type Text = string | false;

/** For each setting three texts with their values, and texts that are refused. A new setting must be given some here. */
const samples: {
  readonly [Name in SettingName]: {
    readonly good: readonly (readonly [string, Settings[Name]])[];
    readonly bad: readonly string[];
  };
} = {
  config: { good: [], bad: [] },
  node: {
    good: [
      ['a', 'a'],
      ['B.example', 'B.example'],
      ['c', 'c'],
    ],
    bad: [],
  },
  datastore: {
    good: ['/one', '/two', '/three'].map((directory) => {
      const url = `file:${directory}`;
      return [url, { type: 'file', url, directory }] as const;
    }),
    bad: ['file:', '/etc/x', 'ftp:x', 'etcd:http://127.0.0.1:2379', 'constructor:x'],
  },
  runDir: {
    good: [
      ['/run/a', '/run/a'],
      ['/run/b', '/run/b'],
      ['/run/c', '/run/c'],
    ],
    bad: [],
  },
  stateDir: {
    good: [
      ['/var/a', '/var/a'],
      ['/var/b', '/var/b'],
      ['/var/c', '/var/c'],
    ],
    bad: [],
  },
  driver: { good: Array.from({ length: 3 }, () => ['nft', 'nft'] as const), bad: ['iptables'] },
  logLevel: {
    good: [
      ['trace', 'trace'],
      ['warn', 'warn'],
      ['fatal', 'fatal'],
    ],
    bad: ['verbose', 'INFO'],
  },
  logFormat: {
    good: [
      ['json', 'json'],
      ['pretty', 'pretty'],
      ['auto', 'auto'],
    ],
    bad: ['xml'],
  },
  health: {
    good: [
      ['0.0.0.0:1', { host: '0.0.0.0', port: 1 }],
      ['[::1]:9099', { host: '::1', port: 9099 }],
      ['localhost:65535', { host: 'localhost', port: 65535 }],
    ],
    bad: ['9099', ':9099', '127.0.0.1', '127.0.0.1:0', '127.0.0.1:65536', '::1:9099', '[::zz]:9099', 'a b:1', 'h:+1'],
  },
  metrics: {
    good: [
      ['10.0.0.1:9091', { host: '10.0.0.1', port: 9091 }],
      ['none', undefined],
      ['m:9091', { host: 'm', port: 9091 }],
    ],
    bad: ['off', '127.0.0.1:x'],
  },
};

const sampled = settingNames.filter((name) => name !== 'config');

async function issuesOf(flags: Flags, environment: Record<string, string>): Promise<SettingsError['issues']> {
  try {
    await resolveSettings('run', { config: '/dev/null', ...flags }, environment);
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.issues;
    throw error;
  }
}

async function cli(argv: readonly string[], environment: Record<string, string> = {}) {
  const written = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const io: Io = { stdout: output('stdout'), stderr: output('stderr'), environment };
  return { status: await runProgram(argv, io), ...written };
}

t.test('each setting: flag before environment before file before default', async (t) => {
  for (const name of sampled) {
    const setting = settingsTable[name];
    const [first, second, third] = samples[name].good;
    if (!first || !second || !third) throw new Error(`no samples for ${name}`);
    const config = join(t.testdir({ 'margay.yaml': `# ours\n${setting.name}: "${first[0]}"\n` }), 'margay.yaml');
    const variable = { [variableName(setting.name)]: second[0] };
    const resolve = async (flags: Flags, environment: Record<string, string>) =>
      (await resolveSettings('run', { config, ...flags }, environment))[name];
    t.same(await resolve({}, {}), first[1], `${name} from the file`);
    t.same(await resolve({}, variable), second[1], `${name} from the environment`);
    t.same(await resolve({ [name]: third[0] }, variable), third[1], `${name} from the command line`);
    t.same(await resolve({}, { [variableName(setting.name)]: '' }), first[1], `${name} empty in the environment`);
    for (const bad of samples[name].bad) {
      t.match(await issuesOf({ [name]: bad }, {}), [{ source: `--${setting.name}` }], `${name}: ${bad}`);
    }
  }
});

t.test('each setting is in the help of its commands, and only there', async (t) => {
  for (const command of ['run', 'render', 'status', 'uninstall'] as const) {
    const { status, stdout } = await cli(['help', command]);
    t.equal(status, 0);
    const text = stdout.replace(/\s+/g, ' ');
    for (const name of settingNames) {
      const { name: flag, placeholder, help, defaultText, commands, negatable } = settingsTable[name];
      const shown = `--${flag} <${placeholder}> ${help} (${variableName(flag)}; default: ${defaultText})`;
      t.equal(text.includes(shown), commands.includes(command), `${command} --${flag}`);
      if (negatable && commands.includes(command)) t.match(text, `--no-${flag} ${negatable}`);
    }
  }
});

t.test('defaults', async (t) => {
  const settings = await resolveSettings('run', { config: '/dev/null' }, {});
  t.match(settings, {
    datastore: { directory: '/etc/margay/resources.d' },
    runDir: '/run/margay',
    stateDir: '/run/margay/state',
    logLevel: 'info',
    health: { host: '127.0.0.1', port: 9099 },
    metrics: { host: '127.0.0.1', port: 9091 },
  });
  t.equal(settings.node, settings.node.toLowerCase().trim());
  const systemd = { RUNTIME_DIRECTORY: '/run/a:/run/b', STATE_DIRECTORY: '/var/lib/a:/var/lib/b' };
  t.match(await resolveSettings('run', { config: '/dev/null' }, systemd), { runDir: '/run/a', stateDir: '/var/lib/a' });
  const { RUNTIME_DIRECTORY } = systemd;
  t.match(await resolveSettings('run', { config: '/dev/null' }, { RUNTIME_DIRECTORY }), { stateDir: '/run/a/state' });
  t.match(await resolveSettings('run', { config: '/dev/null', runDir: '/run/c' }, systemd), { runDir: '/run/c' });
  t.match(await resolveSettings('run', { config: '/dev/null', runDir: '/run/c' }, {}), { stateDir: '/run/c/state' });
});

t.test('without health there are no metrics', async (t) => {
  const off: readonly (readonly [{ health?: Text; metrics?: Text }, Record<string, string>])[] = [
    [{ health: false }, {}],
    [{ health: 'none', metrics: '127.0.0.1:1' }, {}],
    [{}, { MARGAY_HEALTH: 'none' }],
  ];
  for (const [flags, environment] of off) {
    const settings = await resolveSettings('run', { config: '/dev/null', ...flags }, environment);
    t.match(settings, { health: undefined, metrics: undefined });
  }
  const settings = await resolveSettings('run', { config: '/dev/null', metrics: 'none' }, {});
  t.match(settings, { health: { port: 9099 }, metrics: undefined });
});

t.test('the file', async (t) => {
  const file = (text: string) => join(t.testdir({ 'margay.yaml': text }), 'margay.yaml');
  const issues = (text: string) => issuesOf({ config: file(text) }, {});
  for (const empty of ['', '# nothing\n', '---\n', 'null\n']) t.same(await issues(empty), [], JSON.stringify(empty));
  t.match(await issues('node: a\n\nlog-levle: debug\nrunDir: /x\n'), [
    { source: /margay\.yaml line 3$/, message: 'there is no setting "log-levle"; did you mean log-level?' },
    { source: /margay\.yaml line 4$/, message: /did you mean run-dir\?/ },
  ]);
  t.match(await issues('config: x'), [{ message: /no setting "config"/ }]);
  t.match(await issues('__proto__: x'), [{ message: /no setting "__proto__"/ }]);
  t.match(await issues('node: 7\nlog-level: [a]\nhealth: false\ndatastore:\n'), [
    { source: /line 1: node$/, message: /must be a text/ },
    { source: /line 4: datastore$/, message: /must be a text/ },
    { source: /line 2: log-level$/, message: /must be one of trace.* not \["a"\]/ },
    { source: /line 3: health$/, message: /must be HOST:PORT or none/ },
  ]);
  t.match(await issues('node: a\nnode: b\n'), [{ source: /line 2$/, message: /unique/ }]);
  t.match(await issues('node: "a\n'), [{ source: /margay\.yaml line \d$/ }]);
  t.match(await issues('- node\n'), [{ source: /line 1$/ }]);
  t.match(await issuesOf({ config: '/nowhere/margay.yaml' }, {}), [
    { source: '/nowhere/margay.yaml', message: /no such/ },
  ]);
  t.match(await issuesOf({ config: t.testdir() }, {}), [{ message: /can't be read/ }]);
  const variable = { MARGAY_CONFIG: file('node: from-file') };
  t.match(await resolveSettings('run', {}, variable), { node: 'from-file', config: variable.MARGAY_CONFIG });
});

t.test('a command does not mind the settings of others', async (t) => {
  const environment = { MARGAY_LOG_LEVEL: 'loud', MARGAY_DATASTORE: 'etcd:x' };
  t.match(await resolveSettings('status', { runDir: '/x' }, environment), { runDir: '/x', logLevel: 'info' });
});

t.test('variables', async (t) => {
  t.match(await issuesOf({}, { MARGAY_LOGLEVEL: 'debug', MARGAY_METRICS_PORT: '9091', PATH: '/' }), [
    { source: 'MARGAY_LOGLEVEL', message: 'there is no such setting; did you mean MARGAY_LOG_LEVEL?' },
    { source: 'MARGAY_METRICS_PORT' },
  ]);
  const service = {
    MARGAY_SERVICE_HOST: '10.0.0.1',
    MARGAY_METRICS_SERVICE_PORT: '9091',
    MARGAY_METRICS_SERVICE_PORT_HTTP: '9091',
    MARGAY_METRICS_PORT: 'tcp://10.0.0.1:9091',
    MARGAY_METRICS_PORT_9091_TCP: 'tcp://10.0.0.1:9091',
    MARGAY_METRICS_PORT_9091_TCP_ADDR: '10.0.0.1',
  };
  t.same(await issuesOf({}, service), [], 'those that Kubernetes makes for a Service');
  t.match(
    await issuesOf({ logLevel: 'x', datastore: 'y' }, { MARGAY_HEALTH: 'z' }),
    [{ source: '--datastore' }, { source: '--log-level' }, { source: 'MARGAY_HEALTH' }],
    'all issues at once',
  );
});

t.test('datastores that are known but not built', async (t) => {
  const { status, stderr } = await cli(['run', '--datastore', 'etcd:http://127.0.0.1:2379', '--config', '/dev/null']);
  t.equal(status, 2);
  t.match(stderr, /^margay: --datastore: the datastore etcd is not available in this version\n$/);
  t.match(await issuesOf({ datastore: '/etc/x' }, {}), [{ message: /did you mean file:\/etc\/x\?/ }]);
});

t.test('Kubernetes as the datastore', async (t) => {
  const kubeconfigs: readonly (readonly [url: string, kubeconfig: string | undefined])[] = [
    ['kubernetes:', undefined],
    ['kubernetes:/etc/k', '/etc/k'],
    ['kubernetes:k', join(process.cwd(), 'k')],
    ['kubernetes:/a:/b', '/a:/b'],
  ];
  for (const [url, kubeconfig] of kubeconfigs)
    t.match(
      await resolveSettings('run', { config: '/dev/null', datastore: url }, {}),
      { datastore: { type: 'kubernetes', url, kubeconfig } },
      url,
    );
});

t.test('usage errors have status 2 and a hint, and go to standard error', async (t) => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /Usage: margay/],
    [['stats'], /Did you mean status\?/],
    [['run', '--log-levl', 'debug'], /Did you mean --log-level\?/],
    [['run', '--log-level', 'loud', '--config', '/dev/null'], /^margay: --log-level: must be one of/],
    [['run', '--config', '/nowhere.yaml'], /^margay: \/nowhere\.yaml: there is no such file\n$/],
    [['run', '--node'], /argument missing/],
    [['run', 'extra'], /too many arguments/],
    [['check'], /missing required argument 'path'/],
    [['status', '--wait=soon'], /must be a number of seconds/],
    [['status', '--wait=-1'], /must be a number of seconds/],
    [['render', '--no-health'], /unknown option/],
  ];
  for (const [argv, message] of wrong) {
    const { status, stdout, stderr } = await cli(argv);
    t.equal(status, 2, argv.join(' '));
    t.match(stderr, message);
    t.equal(stdout, '');
  }
});

t.test('help and version are what was asked for', async (t) => {
  const { status, stdout, stderr } = await cli(['--help']);
  t.match({ status, stderr }, { status: 0, stderr: '' });
  for (const word of ['run', 'render', 'check', 'status', 'uninstall', 'Examples:', 'Exit statuses:', 'MARGAY_*']) {
    t.ok(stdout.includes(word), word);
  }
  t.match(await cli(['help', 'status']), { status: 0, stdout: /--run-dir/, stderr: '' });
  t.match(await cli(['status', '--help']), { status: 0, stdout: /--run-dir/, stderr: '' });
  t.match(await cli(['--version']), { status: 0, stdout: /^\d+\.\d+\.\d+\n$/, stderr: '' });
});

t.test('the nearest name', async (t) => {
  const names = ['log-level', 'log-format', 'run-dir', 'node'];
  t.equal(nearestName('log-levle', names), 'log-level');
  t.equal(nearestName('LOG-LEVEL', names), 'log-level');
  t.equal(nearestName('nod', names), 'node');
  t.equal(nearestName('ndoe', names), 'node', 'two letters swapped are one mistake');
  t.equal(nearestName('policy', names), undefined);
  t.equal(nearestName('x', names), undefined);
});
