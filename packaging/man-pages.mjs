import { settingNames, settingsTable, variableName } from '../dist/cli/settings/settings-table.js';

/** margay.1, of the program's commands and options. */
export function manPage(program, version, date) {
  const help = program.createHelp();
  return `${head('MARGAY', 1, version, date)}
.SH NAME
margay \\- enforce Calico policy on a Linux node with nftables
.SH SYNOPSIS
.B margay
.I command
.RI [ option ...]
.SH DESCRIPTION
margay run is a daemon that reads Calico resources, works out what they mean for this host, and keeps the nftables table
.B inet margay
equal to that. The other commands say what it does and would do.
.SH COMMANDS
${help
  .visibleCommands(program)
  .map((command) => commandText(command, help))
  .join('\n')}
.SH EXIT STATUS
0: good. 1: no (invalid, denied, not ready, refused). 2: usage error. 3: no daemon (status).
.SH FILES
${[
  ['/etc/margay/margay.yaml', 'settings, see margay.yaml(5)'],
  ['/etc/margay/resources.d', 'resources of Calico, one or several in a file'],
  ['/etc/default/margay', 'variables MARGAY_* and FELIX_* of the service'],
  ['/etc/margay/boot-fallback.nft', 'what is loaded at boot instead of the built-in fallback'],
  ['/var/lib/margay', 'the last valid versions of objects, and the ruleset that was committed last'],
  ['/run/margay', 'the socket and the pid of the daemon'],
]
  .map(([path, text]) => item(path, text))
  .join('\n')}
.SH SEE ALSO
.BR margay.yaml (5),
.BR nft (8),
.BR systemctl (1)
.PP
/usr/share/doc/margay/operations.md: to install, to upgrade, to get back in, to read the ruleset, to back out
`;
}

/** margay.yaml.5, of the table of settings. */
export function settingsManPage(version, date) {
  const settings = settingNames.map((key) => settingsTable[key]).filter(({ inFile }) => inFile !== false);
  return `${head('MARGAY.YAML', 5, version, date)}
.SH NAME
margay.yaml \\- settings of margay
.SH SYNOPSIS
/etc/margay/margay.yaml
.SH DESCRIPTION
A mapping of YAML from the names of settings to their values. An option of the command line (\\-\\-NAME) beats the variable
of the environment (MARGAY_NAME), and that beats the file. A key that is no setting is an error. What decides about
packets is not here but in Calico's resources, and in FELIX_* variables of the environment.
.PP
The daemon reads the file again on SIGHUP (systemctl reload margay).
.SH SETTINGS
${settings
  .map(({ name, placeholder, help, defaultText }) =>
    item(`${name}: ${placeholder.toUpperCase()}`, `${help}. Default: ${defaultText}. Variable: ${variableName(name)}.`),
  )
  .join('\n')}
.SH EXAMPLE
.EX
node: web1
datastore: file:/srv/policies
metrics: none
.EE
.SH SEE ALSO
.BR margay (1)
`;
}

function head(title, section, version, date) {
  return `.TH ${title} ${section} ${date} "margay ${version}"\n.nh`;
}

function commandText(command, help) {
  const usage = [command.name(), ...command.registeredArguments.map((each) => argumentText(each))].join(' ');
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help');
  return [
    `.SS ${escaped(`margay ${usage}`)}`,
    escaped(command.description()),
    ...options.map(({ flags, description }) => item(flags, description)),
  ].join('\n');
}

function argumentText(argument) {
  if (argument.argChoices) return argument.argChoices.join('|');
  const name = argument.name() + (argument.variadic ? '...' : '');
  return argument.required ? `<${name}>` : `[${name}]`;
}

function item(term, text) {
  return `.TP\n.B ${escaped(term)}\n${escaped(text)}`;
}

/** Of roff: backslash, hyphens that are to be copied, and what begins a request. */
function escaped(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/gm, '\\&');
}
