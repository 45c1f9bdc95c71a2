import type { Command } from 'commander';

/** What of the command line can be completed or described, of one command. */
export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  /** Of its arguments that are one of some words, these; else empty. */
  readonly choices: readonly string[];
}

export interface OptionWords {
  /** `--log-level` */
  readonly long: string;
  readonly description: string;
  /** In words, as `file`; undefined for options without a value. */
  readonly value: string | undefined;
  /** A value may follow, but only after `=`. */
  readonly optional: boolean;
}

/** Each command of the program that is not hidden, with its options. */
export function commandWords(program: Command): CommandWords[] {
  const visible = program.createHelp().visibleCommands(program);
  return visible.map((command) => ({
    name: command.name(),
    description: command.description(),
    options: [...command.options.map(optionWords), HELP].filter(({ long }) => long !== ''),
    choices:
      command.name() === 'help'
        ? visible.map((each) => each.name())
        : command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
  }));
}

const HELP: OptionWords = { long: '--help', description: 'print help', value: undefined, optional: false };

function optionWords({ long, flags, description }: Command['options'][number]): OptionWords {
  // Commander's own `optional` is true for `<addr[:port]>`, too.
  const [, required, optional] = /(?:<(.+)>|\[(.+)\])$/.exec(flags) ?? [];
  return {
    long: long ?? '',
    description,
    value: required ?? optional,
    optional: required === undefined && optional !== undefined,
  };
}
