import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type BootAction, bootActions } from './boot-actions.js';
import { addClientCommands } from './client-commands.js';
import type { ExplainOptions } from './commands/explain.js';
import type { StatusOptions } from './commands/status.js';
import type { Io } from './io.js';
import { mainHelp } from './main-help.js';
import { type Flags, resolveSettings } from './settings/settings.js';
import { SettingsError } from './settings/settings-error.js';
import { type SettingsCommand, settingNames, settingsTable, variableName } from './settings/settings-table.js';
import { type Shell, shells } from './shells.js';
import { readVersion } from './version.js';

type Options = Readonly<Record<string, unknown>>;

const CONTROLLERS = ['auto-hostendpoints'];

/** Runs one command line (without `node` and the script); resolves with the exit status, never rejects. */
export async function runProgram(argv: readonly string[], io: Io): Promise<number> {
  const state = { status: 0 };
  try {
    await createProgram(io, (status) => {
      state.status = status;
    }).parseAsync(argv, { from: 'user' });
    return state.status;
  } catch (error) {
    return report(error, argv, io);
  }
}

/** The command line: commands, options and help. `done` is told the exit status of the command that was run. */
export function createProgram(io: Io, done: (status: number) => void): Command {
  const program = new Command('margay')
    .description('Enforces Calico policy on this Linux node with nftables.')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .version(readVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help, or that of a command')
    .addHelpText('after', mainHelp);

  program.commandsGroup('The daemon:');
  withSettings(program.command('run'), 'run')
    .description("follow the datastore and keep the node's policy in force (in the foreground)")
    .option('--dry-run', 'print the ruleset that would be in force, and change nothing')
    .addOption(interfacesOption())
    .option('--json', 'with --dry-run: print JSON')
    .action(async (options: Options) => {
      const flags = flagsOf(options);
      const reload = () => resolveSettings('run', flags, io.environment);
      const settings = await reload();
      const { run } = await import('./commands/run.js');
      const { dryRun = false, json = false, interfaces } = options;
      const runOptions = { dryRun: Boolean(dryRun), json: Boolean(json), interfaces: String(interfaces), reload };
      done(await run(settings, runOptions, io));
    });
  withSettings(program.command('status'), 'status')
    .description('what the daemon enforces, and what is wrong')
    .option('--wait [seconds]', 'wait until what is in the datastore now is in force (default: 30 s)', seconds)
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      const settings = await resolveSettings('status', flagsOf(options), io.environment);
      const { status } = await import('./commands/status.js');
      const { wait } = options;
      const waits: Pick<StatusOptions, 'wait'> = wait === true || typeof wait === 'number' ? { wait } : {};
      done(await status(settings, { ...waits, json: Boolean(options.json) }, io));
    });
  withSettings(program.command('uninstall'), 'uninstall')
    .description('remove everything of Margay from the kernel; not while a daemon runs')
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      const settings = await resolveSettings('uninstall', flagsOf(options), io.environment);
      const { uninstall } = await import('./commands/uninstall.js');
      done(await uninstall(settings, { json: Boolean(options.json) }, io));
    });

  withSettings(program.command('boot'), 'boot')
    .description('the ruleset that is loaded before the network: switch it on or off, or show what would be loaded')
    .addArgument(new Argument('<action>', 'what to do').choices(bootActions))
    .option('--json', 'print JSON')
    .action(async (action: BootAction, options: Options) => {
      const settings = await resolveSettings('boot', flagsOf(options), io.environment);
      const { boot } = await import('./commands/boot.js');
      done(await boot(settings, { action, json: Boolean(options.json) }, io));
    });
  withSettings(program.command('doctor'), 'doctor')
    .description(
      'look at the host: kernel, other firewalls, service, boot, ssh; changes nothing (1: there is a problem)',
    )
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      const settings = await resolveSettings('doctor', flagsOf(options), io.environment);
      const { doctor } = await import('./commands/doctor.js');
      done(await doctor(settings, { json: Boolean(options.json) }, io));
    });
  withSettings(program.command('controller'), 'controller')
    .description('do for a whole cluster what one process has to do (in the foreground)')
    .addArgument(new Argument('<name>', 'auto-hostendpoints: keep a host endpoint for each node').choices(CONTROLLERS))
    .action(async (_name: string, options: Options) => {
      const settings = await resolveSettings('controller', flagsOf(options), io.environment);
      const { autoHostEndpoints } = await import('./commands/auto-host-endpoints.js');
      done(await autoHostEndpoints(settings, io));
    });

  program.commandsGroup('Without a daemon, and without root:');
  withSettings(program.command('render'), 'render')
    .description('print the ruleset of a node as an nft script')
    .addOption(interfacesOption())
    .option('--explain-shape', 'instead: which form each list of policies has in it, and why')
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      const settings = await resolveSettings('render', flagsOf(options), io.environment);
      const { render } = await import('./commands/render.js');
      const { json, explainShape, interfaces } = options;
      const shown = { json: Boolean(json), explainShape: Boolean(explainShape), interfaces: String(interfaces) };
      done(await render(settings, shown, io));
    });
  // It has the settings of render: the same question to the same policy, but about one packet.
  withSettings(program.command('explain'), 'render')
    .description('say what the node does with a packet, and which rule decides (1: it is denied)')
    .requiredOption('--from <addr[:port]>', 'source; an IPv6 address with a port in brackets')
    .requiredOption('--to <addr[:port]>', 'destination; tcp, udp and sctp need the port')
    .requiredOption('--proto <name|number>', 'tcp, udp, sctp, icmp, icmpv6 or a number')
    .option('--type <type[.code]>', 'of ICMP (default: echo request)')
    .option('--in <interface>', 'where it comes in (default: what its addresses say)')
    .option('--out <interface>', 'where it leaves (default: what its addresses say)')
    .option('--state <state>', 'of its connection: new, established, related, invalid, untracked (default: new)')
    .option('--dnat <addr[:port]>', 'what destination NAT makes of --to')
    .addOption(interfacesOption())
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      const settings = await resolveSettings('render', flagsOf(options), io.environment);
      const { explain } = await import('./commands/explain.js');
      done(await explain(settings, explainOptionsOf(options), io));
    });
  program
    .command('check')
    .description('say what is wrong with resources in files')
    .argument('<path...>', 'files, and directories with *.yaml, *.yml and *.json')
    .option('--node <name>', 'also warn of policies that do nothing on this node')
    .option('--json', 'print JSON')
    .action(async (paths: string[], options: Options) => {
      const { check } = await import('./commands/check.js');
      const extra = typeof options.node === 'string' ? { node: options.node } : {};
      done(await check(paths, { ...extra, json: Boolean(options.json) }, io));
    });
  program.commandsGroup('Objects of the datastore:');
  addClientCommands({
    add: (name) => withSettings(program.command(name), 'client'),
    settingsOf: (options) => resolveSettings('client', flagsOf(options), io.environment),
    io,
    done,
  });
  program.commandsGroup('Help:');
  program
    .command('completion')
    .description('print what makes a shell complete the command line')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .action(async (shell: Shell) => {
      const [{ completion }, { commandWords }] = await Promise.all([
        import('./completion.js'),
        import('./command-words.js'),
      ]);
      io.stdout.write(completion(shell, commandWords(program)));
    });
  program.helpCommand('help [command]', 'print the help of a command');
  return program;
}

/** The settings that a command has, as options. */
function withSettings(command: Command, name: SettingsCommand): Command {
  command.optionsGroup('Settings:');
  for (const key of settingNames) {
    const setting = settingsTable[key];
    if (!setting.commands.includes(name)) continue;
    const help = `${setting.help} (${variableName(setting.name)}; default: ${setting.defaultText})`;
    command.addOption(new Option(`--${setting.name} <${setting.placeholder}>`, help));
    if (setting.negatable) command.addOption(new Option(`--no-${setting.name}`, setting.negatable));
  }
  return command.optionsGroup('Options:');
}

/** Commander's attribute for `--log-level` is `logLevel`: the setting's key. */
function flagsOf(options: Options): Flags {
  const flags: Record<string, string | false> = {};
  for (const name of settingNames) {
    const value = options[name];
    if (typeof value === 'string' || value === false) flags[name] = value;
  }
  return flags;
}

function explainOptionsOf(options: Options): ExplainOptions {
  const text = (name: string) => (typeof options[name] === 'string' ? options[name] : undefined);
  return {
    from: text('from') ?? '',
    to: text('to') ?? '',
    proto: text('proto') ?? '',
    type: text('type'),
    state: text('state'),
    dnat: text('dnat'),
    in: text('in'),
    out: text('out'),
    interfaces: text('interfaces') ?? 'live',
    json: Boolean(options.json),
  };
}

function interfacesOption(): Option {
  const help = "the host's interfaces, or a file with what `ip -j address show` prints";
  return new Option('--interfaces <live|file>', help).default('live');
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0) || !Number.isFinite(value)) {
    throw new InvalidArgumentError('It must be a number of seconds.');
  }
  return value;
}

/** 2 for usage errors, 1 for whatever else; a stack is for those who debug. */
function report(error: unknown, argv: readonly string[], io: Io): number {
  // Commander has written its message itself.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof SettingsError) {
    for (const { source, message } of error.issues) io.stderr.write(`margay: ${source}: ${message}\n`);
    return 2;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  io.stderr.write(`margay: ${message}\n`);
  if (debugs(argv, io) && stack) io.stderr.write(`${stack}\n`);
  return 1;
}

function debugs(argv: readonly string[], { environment }: Io): boolean {
  const flag = argv.findLast((word, i) => argv[i - 1] === '--log-level' || word.startsWith('--log-level='));
  return /(^|=)(debug|trace)$/.test(flag ?? environment.MARGAY_LOG_LEVEL ?? '');
}
