import type { CommandWords, OptionWords } from './command-words.js';
import type { Shell } from './shells.js';

/** A script that completes the command line of margay in this shell. */
export function completion(shell: Shell, commands: readonly CommandWords[]): string {
  return { bash, zsh, fish }[shell](commands);
}

function bash(commands: readonly CommandWords[]): string {
  const cases = commands.map(({ name, options, choices }) => {
    const words = [...choices, ...options.map(({ long }) => long)].join(' ');
    return `\t\t${name}) words='${words}' ;;`;
  });
  const valued = [...new Set(commands.flatMap(({ options }) => options.filter(takesNext).map(({ long }) => long)))];
  return `# bash completion for margay
_margay() {
	local words current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W '${commands.map(({ name }) => name).join(' ')} --help --version' -- "$current")
		return
	fi
	# A value: files and directories, by default.
	case $previous in
		${valued.join('|')}) return ;;
	esac
	case \${COMP_WORDS[1]} in
${cases.join('\n')}
		*) return ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o bashdefault -o default -F _margay margay
`;
}

function zsh(commands: readonly CommandWords[]): string {
  const described = commands.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`);
  const cases = commands.map(({ name, options, choices }) => {
    const specs = options.map((option) => quoted(zshOption(option)));
    const rest = choices.length > 0 ? `1:what:(${choices.join(' ')})` : '*:file:_files';
    return `    ${name}) _arguments ${[...specs, quoted(rest)].join(' ')} ;;`;
  });
  return `#compdef margay
local -a commands=(
${described.join('\n')}
)
if ((CURRENT == 2)); then
  _describe 'command' commands
else
  shift words
  ((CURRENT--))
  case $words[1] in
${cases.join('\n')}
  esac
fi
`;
}

function zshOption({ long, description, value, optional }: OptionWords): string {
  const text = `[${description.replace(/[[\]\\:]/g, '\\$&')}]`;
  if (value === undefined) return `${long}${text}`;
  return optional ? `${long}=-${text}::${zshValue(value)}` : `${long}=${text}:${zshValue(value)}`;
}

function zshValue(value: string): string {
  const name = value.replace(/[:\\]/g, '\\$&');
  return value.includes('file') ? `${name}:_files` : value === 'dir' ? `${name}:_files -/` : `${name}: `;
}

function fish(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap(({ name, description, options, choices }) => {
    const within = `complete -c margay -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c margay -f -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
      ...(choices.length > 0 ? [`${within} -f -a ${quoted(choices.join(' '))}`] : []),
      ...options.map((option) => {
        const value = takesNext(option) ? ' -r' : '';
        return `${within} -l ${option.long.slice(2)}${value} -d ${quoted(option.description)}`;
      }),
    ];
  });
  return `# fish completion for margay\n${lines.join('\n')}\n`;
}

function takesNext({ value, optional }: OptionWords): boolean {
  return value !== undefined && !optional;
}

/** In single quotes, for each of the three shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
