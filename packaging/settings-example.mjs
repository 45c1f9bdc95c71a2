import { settingNames, settingsTable, variableName } from '../dist/cli/settings/settings-table.js';
import { wrapped } from './wrapped.mjs';

/** /etc/margay/margay.yaml as it is installed: every setting, explained, and switched off. */
export function settingsExample() {
  const settings = settingNames
    .map((key) => settingsTable[key])
    .filter(({ inFile }) => inFile !== false)
    .map(({ name, placeholder, help, defaultText }) => {
      const text = wrapped(`${capital(help)}. Default: ${defaultText}.`, 118).map((line) => `# ${line}`);
      return `${text.join('\n')}\n#${name}: ${placeholder.toUpperCase()}\n`;
    });
  return `# Settings of margay, see margay.yaml(5). What decides about packets is not here, but in resources of Calico: by default in
# /etc/margay/resources.d. An option (--NAME) or a variable (${variableName('NAME')}, in /etc/default/margay) beats this file.
# After a change: systemctl reload margay

${settings.join('\n')}`;
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
