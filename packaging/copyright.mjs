import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The file `copyright`: of Margay, and of each package that is in the bundle, with its licence as its authors wrote it. */
export function copyright(root, packages) {
  const parts = packages.map((name) => {
    const directory = join(root, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    return `${'-'.repeat(78)}\n${name} ${version}: ${license}\n\n${licenceText(directory, license)}\n`;
  });
  return `Margay is Copyright its authors.

It is licensed under the Apache License, Version 2.0. On Debian systems, its
text is in /usr/share/common-licenses/Apache-2.0.

The program in /usr/lib/margay contains these packages of npm:

${parts.join('\n')}`;
}

function licenceText(directory, license) {
  const name = readdirSync(directory).find((each) => /^(licen[cs]e|copying)/i.test(each));
  if (name === undefined) return `Its authors publish it under the licence ${license}.`;
  const text = readFileSync(join(directory, name), 'utf8').trim();
  return /Apache License\s+Version 2\.0/.test(text) ? 'On Debian systems: /usr/share/common-licenses/Apache-2.0' : text;
}
