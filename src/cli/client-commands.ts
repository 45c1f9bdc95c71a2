import { type Command, InvalidArgumentError, Option } from 'commander';
import { type PatchType, patchTypes } from '../client/patch-type.js';
import { getHelp, patchHelp, writeHelp } from './client-help.js';
import type { Io } from './io.js';
import type { InputOptions } from './objects/input-documents.js';
import type { NamedOptions } from './objects/named-objects.js';
import { type OutputFormat, outputFormats } from './objects/output-format.js';
import type { Settings } from './settings/settings.js';

type Options = Readonly<Record<string, unknown>>;

/** What the commands need of the program that they belong to. */
export interface ClientCommands {
  /** A new command, with the options of its settings. */
  readonly add: (name: string) => Command;
  readonly settingsOf: (options: Options) => Promise<Settings>;
  readonly io: Io;
  readonly done: (status: number) => void;
}

/** Adds the commands that read and write the objects of a datastore. */
export function addClientCommands(context: ClientCommands): void {
  addGet(context);
  addDescribe(context);
  addWrite(context, 'apply', 'create objects, or change those that are there');
  addWrite(context, 'create', 'create objects that are not there yet');
  addWrite(context, 'replace', 'change objects that are there');
  addPatch(context);
  addDelete(context);
}

function addGet({ add, settingsOf, io, done }: ClientCommands): void {
  named(add('get'))
    .description('show objects of the datastore')
    .option('-A, --all-namespaces', 'of all namespaces')
    .addOption(outputOption())
    .option('--json', 'the same as -o json')
    .option('-w, --watch', 'go on with each change, until interrupted')
    .option('--export', 'of named objects: leave out what only this datastore says of them')
    .addHelpText('after', getHelp)
    .action(async (kind: string | undefined, names: string[], options: Options) => {
      const settings = await settingsOf(options);
      const { get } = await import('./commands/get.js');
      const format = options.json === true ? 'json' : formatOf(options.output);
      const how = { format, watch: options.watch === true, export: options.export === true };
      done(await get(settings, wordsOf(kind, names), { ...namedOptions(options), ...how }, io));
    });
}

function addDescribe({ add, settingsOf, io, done }: ClientCommands): void {
  named(add('describe'))
    .description('say in words what objects mean, and what is wrong with them')
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('--json', 'print JSON')
    .action(async (kind: string | undefined, names: string[], options: Options) => {
      const settings = await settingsOf(options);
      const { describe } = await import('./commands/describe.js');
      done(
        await describe(settings, wordsOf(kind, names), { ...namedOptions(options), json: options.json === true }, io),
      );
    });
}

function addWrite(
  { add, settingsOf, io, done }: ClientCommands,
  verb: 'apply' | 'create' | 'replace',
  description: string,
): void {
  const command = withFiles(add(verb)).description(description);
  if (verb === 'create') command.option('--skip-exists', 'pass over objects that are there');
  writing(command)
    .addHelpText('after', writeHelp(verb))
    .action(async (options: Options) => {
      const settings = await settingsOf(options);
      const write = await writerOf(verb);
      const how = { skipExists: options.skipExists === true, ...writeOptions(options) };
      done(await write(settings, { ...inputOptions(options), ...how }, io));
    });
}

async function writerOf(verb: 'apply' | 'create' | 'replace') {
  if (verb === 'apply') return (await import('./commands/apply.js')).apply;
  return verb === 'create'
    ? (await import('./commands/create.js')).create
    : (await import('./commands/replace.js')).replace;
}

function addPatch({ add, settingsOf, io, done }: ClientCommands): void {
  const type = new Option('-t, --type <type>', 'how the patch is meant').choices(patchTypes).default(patchTypes[0]);
  writing(add('patch'))
    .description('change some fields of an object')
    .argument('<kind>', 'KIND or KIND/NAME')
    .argument('[name...]', 'its name')
    .requiredOption('-p, --patch <patch>', 'fields to change, as JSON or YAML; null removes one')
    .addOption(type)
    .option('-n, --namespace <namespace>', 'where it belongs (default: default)')
    .addHelpText('after', patchHelp)
    .action(async (kind: string, names: string[], options: Options) => {
      const settings = await settingsOf(options);
      const { patch } = await import('./commands/patch.js');
      const how = { patch: String(options.patch), type: patchTypeOf(options.type), ...writeOptions(options) };
      done(await patch(settings, [kind, ...names], { namespace: textOf(options.namespace), ...how }, io));
    });
}

function addDelete({ add, settingsOf, io, done }: ClientCommands): void {
  writing(named(add('delete')))
    .description('delete objects')
    .option('-s, --skip-not-exists', 'pass over objects that are not there')
    .action(async (kind: string | undefined, names: string[], options: Options) => {
      const settings = await settingsOf(options);
      const { deleteObjects } = await import('./commands/delete.js');
      const how = { skipNotExists: options.skipNotExists === true, ...writeOptions(options) };
      done(await deleteObjects(settings, wordsOf(kind, names), { ...namedOptions(options), ...how }, io));
    });
}

function named(command: Command): Command {
  return withFiles(
    command
      .argument('[kind]', 'KIND, several with commas, or KIND/NAME; without, objects are named by -f')
      .argument('[name...]', 'names of objects, or further KIND/NAME'),
  );
}

function wordsOf(kind: string | undefined, names: readonly string[]): string[] {
  return kind === undefined ? [] : [kind, ...names];
}

function withFiles(command: Command): Command {
  return command
    .option(
      '-f, --filename <file>',
      'a file, a directory or - (standard input), with YAML or JSON; may be repeated',
      collect,
    )
    .option('-R, --recursive', 'with -f: directories in directories, too')
    .option('--skip-empty', 'with -f: no error for files without objects')
    .option('-n, --namespace <namespace>', 'where objects belong that name no namespace (default: default)');
}

function writing(command: Command): Command {
  return command
    .option('--dry-run', 'check everything, write nothing, say what would be done')
    .option('--json', 'print JSON');
}

function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

function outputOption(): Option {
  const option = new Option('-o, --output <format>', `one of ${outputFormats.join(', ')}`).default(outputFormats[0]);
  return option.argParser((text: string) => {
    const format = outputFormats.find((each) => each === (formatAliases[text] ?? text));
    if (format === undefined) throw new InvalidArgumentError(`It must be one of ${outputFormats.join(', ')}.`);
    return format;
  });
}

/** calicoctl's words. */
const formatAliases: Readonly<Record<string, OutputFormat>> = { ps: 'table', yml: 'yaml' };

function formatOf(value: unknown): OutputFormat {
  return outputFormats.find((format) => format === value) ?? outputFormats[0];
}

function patchTypeOf(value: unknown): PatchType {
  return patchTypes.find((type) => type === value) ?? patchTypes[0];
}

function inputOptions(options: Options): InputOptions {
  const { filename } = options;
  return {
    filename: Array.isArray(filename) ? filename.map(String) : [],
    recursive: options.recursive === true,
    skipEmpty: options.skipEmpty === true,
    namespace: textOf(options.namespace),
  };
}

function namedOptions(options: Options): NamedOptions {
  return { ...inputOptions(options), allNamespaces: options.allNamespaces === true };
}

function writeOptions(options: Options): { readonly dryRun: boolean; readonly json: boolean } {
  return { dryRun: options.dryRun === true, json: options.json === true };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
