import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Io } from '../../src/cli/io.js';
import { nearestName } from '../../src/cli/nearest-name.js';
import { runProgram } from '../../src/cli/program.js';
import { etcdSettings } from '../../src/cli/settings/etcd-settings.js';
import { type Flags, resolveSettings, type Settings } from '../../src/cli/settings/settings.js';
import { SettingsError } from '../../src/cli/settings/settings-error.js';
import {
  type SettingName,
  serviceStateDir,
  settingNames,
  settingsTable,
  variableName,
} from '../../src/cli/settings/settings-table.js';
import { discoverEndpoints } from '../../src/datastore/etcd/discover-endpoints.js';
import { margayCommand } from '../lab/checkout.js';

type Text = string | false;

const built = existsSync(margayCommand[1] ?? '') ? {} : { skip: 'the program is not built: npm run build' };

function files(name: string): readonly (readonly [string, string])[] {
  return [1, 2, 3].map((index) => [`/etc/${name}${index}`, `/etc/${name}${index}`]);
}

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
    good: [
      ['file:/one', { type: 'file', url: 'file:/one', directory: '/one' }],
      ['etcd:', { type: 'etcd', url: 'etcd:', endpoints: [] }],
      [
        'etcd:https://a.example:2379, http://[::1]',
        {
          type: 'etcd',
          url: 'etcd:https://a.example:2379, http://[::1]',
          endpoints: [
            { url: 'https://a.example:2379', host: 'a.example', port: 2379, secure: true },
            { url: 'http://[::1]:2379', host: '::1', port: 2379, secure: false },
          ],
        },
      ],
    ],
    bad: [
      ...['file:', '/etc/x', 'ftp:x', 'constructor:x', 'http://127.0.0.1:2379'],
      ...['127.0.0.1:2379', 'ftp://a', 'http://a/b', 'http://user:pw@a:1', 'http://a:99999'].map(
        (url) => `etcd:${url}`,
      ),
    ],
  },
  etcdCa: { good: files('ca'), bad: [] },
  etcdCert: { good: files('cert'), bad: [] },
  etcdKey: { good: files('key'), bad: [] },
  etcdUser: { good: files('user'), bad: [] },
  etcdPasswordFile: { good: files('password'), bad: [] },
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
  lists: {
    good: [
      ['plain', 'plain'],
      ['compiled', 'compiled'],
      ['plain', 'plain'],
    ],
    bad: ['fast', 'Plain'],
  },
  driver: {
    good: [
      ['nft-spawn', 'nft-spawn'],
      ['nft', 'nft'],
      ['nft-spawn', 'nft-spawn'],
    ],
    bad: ['iptables'],
  },
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
    stateDir: existsSync(serviceStateDir) ? serviceStateDir : '/run/margay/state',
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

t.test('the program as it is built reads the file, too', built, async (t) => {
  const config = join(t.testdir({ 'margay.yaml': 'log-levle: debug\n' }), 'margay.yaml');
  const [command = '', ...args] = [...margayCommand, 'run', '--config', config];
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  t.match(
    { status, stderr },
    { status: 2, stderr: /margay.yaml line 1: there is no setting "log-levle"; did you mean/ },
  );
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
  t.same(await issuesOf({}, { MARGAY_CMD: 'margay', MARGAY_CI_SKIP_VAGRANT: '1' }), [], 'those that tests use');
  t.match(
    await issuesOf({ logLevel: 'x', datastore: 'y' }, { MARGAY_HEALTH: 'z' }),
    [{ source: '--datastore' }, { source: '--log-level' }, { source: 'MARGAY_HEALTH' }],
    'all issues at once',
  );
});

t.test('datastores', async (t) => {
  const kubernetes = (datastore: string) => resolveSettings('run', { datastore }, { MARGAY_CONFIG: '/dev/null' });
  t.match(await kubernetes('kubernetes:/a/config'), { datastore: { type: 'kubernetes', kubeconfig: '/a/config' } });
  t.match(await kubernetes('kubernetes:'), { datastore: { type: 'kubernetes', kubeconfig: undefined } });
  t.match(await issuesOf({ datastore: '/etc/x' }, {}), [{ message: /did you mean file:\/etc\/x\?/ }]);
  t.match(await issuesOf({ datastore: 'http://a:1' }, {}), [{ message: /did you mean etcd:http:\/\/a:1\?/ }]);
  t.match(await issuesOf({ datastore: 'etcd:http://u:p@a:1' }, {}), [{ message: /use --etcd-user and/ }]);
});

t.test('what the environment of Calico says about etcd', async (t) => {
  const of = async (environment: Record<string, string>) => {
    const settings = await resolveSettings('run', { config: '/dev/null', datastore: 'etcd:' }, environment);
    const { datastore } = settings;
    if (datastore.type !== 'etcd') throw new Error('no etcd');
    const { endpoints, access } = etcdSettings(datastore, settings, environment);
    return { settings, urls: (await endpoints()).map(({ url }) => url), access };
  };
  const [plain, calico] = [{ ETCD_ENDPOINTS: 'http://a:1,http://b:2' }, { CALICO_ETCD_ENDPOINTS: 'https://c:3' }];
  t.strictSame((await of(plain)).urls, ['http://a:1', 'http://b:2']);
  t.strictSame((await of({ ...plain, ...calico })).urls, ['https://c:3']);
  t.strictSame((await of({ ...plain, CALICO_ETCD_ENDPOINTS: '' })).urls, ['http://a:1', 'http://b:2']);
  const felix = { FELIX_EtcdEndpoints: 'http://d:4', FELIX_ETCDADDR: 'e:5' };
  t.strictSame((await of({ ...plain, ...calico, ...felix })).urls, ['http://d:4']);
  t.strictSame((await of({ ...plain, FELIX_ETCDADDR: 'e:5', FELIX_ETCDSCHEME: 'https' })).urls, ['https://e:5']);
  const files = {
    ETCD_CA_CERT_FILE: '/ca',
    ETCD_CERT_FILE: '/cert',
    CALICO_ETCD_KEY_FILE: '/key',
    FELIX_ETCDCAFILE: '/felix',
  };
  t.match((await of({ ...plain, ...files })).settings, { etcdCa: '/felix', etcdCert: '/cert', etcdKey: '/key' });
  t.match((await of({ ...plain, ...files, MARGAY_ETCD_CA: '/ours' })).settings, { etcdCa: '/ours' });
  const { access } = await of({ ...plain, ETCD_USERNAME: 'u', ETCD_PASSWORD: 'p' });
  t.strictSame(await access(), { user: 'u', password: 'p' });

  const wrong: readonly (readonly [Record<string, string>, object])[] = [
    [{}, { source: '--datastore', message: /names no endpoint, and neither does ETCD_ENDPOINTS/ }],
    [{ ETCD_ENDPOINTS: 'a:1' }, { source: 'ETCD_ENDPOINTS', message: /"a:1" must be http:/ }],
    [{ ...plain, ETCD_DISCOVERY_SRV: 'x' }, { source: 'ETCD_DISCOVERY_SRV' }],
    [{ ...plain, ETCD_CERT_FILE: '/cert' }, { source: '--etcd-key' }],
    [{ ...plain, ETCD_KEY_FILE: '/key' }, { source: '--etcd-cert' }],
    [
      { ...plain, ETCD_USERNAME: 'u' },
      { source: '--etcd-password-file', message: /password of user u is missing/ },
    ],
    [{ ...plain, ETCD_PASSWORD: 'p' }, { source: '--etcd-user' }],
  ];
  for (const [environment, issue] of wrong) {
    const error: unknown = await of(environment).catch((thrown: unknown) => thrown);
    t.match(error instanceof SettingsError && error.issues, [issue]);
  }
  const { status, stderr } = await cli(['render', '--datastore', 'etcd:', '--config', '/dev/null']);
  t.match({ status, stderr }, { status: 2, stderr: /^margay: --datastore: etcd: names no endpoint/ });
});

t.test('endpoints that DNS knows', async (t) => {
  const record = (name: string, port: number) => ({ name, port, priority: 0, weight: 0 });
  const urls = async (records: Readonly<Record<string, ReturnType<typeof record>[]>>) => {
    const resolve = async (name: string) => records[name] ?? Promise.reject(new Error('ENOTFOUND'));
    return (await discoverEndpoints('x.example', resolve)).map(({ url }) => url);
  };
  const [tls, plain] = ['_etcd-client-ssl._tcp.x.example', '_etcd-client._tcp.x.example'];
  t.strictSame(await urls({ [plain]: [record('a.example.', 1)] }), ['http://a.example:1']);
  t.strictSame(await urls({ [plain]: [record('a', 1)], [tls]: [record('b', 2), record('c', 3)] }), [
    'https://b:2',
    'https://c:3',
    'http://a:1',
  ]);
  await t.rejects(urls({}), { code: 'unreachable', message: /no SRV records for _etcd-client-ssl._tcp.x.example nor/ });
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
