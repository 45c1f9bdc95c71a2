import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import type { Command } from 'commander';
import t from 'tap';
import { createProgram, runProgram } from '../../src/cli/program.js';
import { settingNames, settingsTable, variableName } from '../../src/cli/settings/settings-table.js';
import { metricsTable } from '../../src/observe/metrics-table.js';
import { parseResource } from '../../src/resources/parse-resource.js';
import { readDocuments } from '../../src/resources/read-documents.js';
import { checkSelector } from '../../src/selector/check-selector.js';
import { anchorsOf, type Block, type Page, pages, proseOf, root } from './pages.js';

const all = pages();

const program = createProgram({ stdout: sink(), stderr: sink(), environment: {} }, () => undefined);
const commands = new Map(program.commands.map((command) => [command.name(), command]));
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

function sink(): { write(text: string): void } {
  return { write: () => undefined };
}

function page(path: string): Page {
  const found = all.find((each) => each.path === path);
  if (!found) throw new Error(`there is no ${path}`);
  return found;
}

t.test('links', async (t) => {
  for (const { path, text } of all) {
    for (const [, target = ''] of proseOf(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const to = file === '' ? path : normalize(join(dirname(path), file));
      if (!existsSync(join(root, to))) t.fail(`${path} links to ${target}, which does not exist`);
      else if (anchor !== undefined && !anchorsOf(page(to)).has(anchor))
        t.fail(`${path} links to ${target}, which has no such heading`);
    }
  }
  for (const { path } of all.filter((each) => each.path.startsWith('docs/')))
    t.ok(page('README.md').text.includes(`](${path})`), `README links to ${path}`);
});

/** Options that a command has, help included. */
function optionsOf(command: Command): Set<string> {
  return new Set([
    '--help',
    '-h',
    ...command.options.flatMap(({ long, short }) => [long, short].filter(Boolean)),
  ] as string[]);
}

/** Whatever is wrong with `margay ARGUMENTS...` as far as words tell. */
function problemOf(line: string): string | undefined {
  const [first = '', ...rest] = line.split(/\s+/);
  const words = rest.map((word) => word.replace(/=.*$/, ''));
  if (first.startsWith('-')) return ['--help', '--version', '-h'].includes(first) ? undefined : `no option ${first}`;
  if (first === 'help') return words.every((word) => commands.has(word)) ? undefined : `no command ${words.join(' ')}`;
  const command = commands.get(first);
  if (!command) return `no command ${first}`;
  const known = optionsOf(command);
  const wrong = words.filter((word) => /^--?[a-z]/.test(word) && !known.has(word));
  return wrong.length > 0 ? `margay ${first} has no ${wrong.join(', ')}` : undefined;
}

/** Each `margay ...` of shell blocks and of code in the text. */
function commandLines({ text, blocks }: Page): string[] {
  const shell = blocks
    .filter(({ language }) => language === 'sh')
    .flatMap((block) => block.text.replace(/\s#.*$/gm, '').split(/\n|&&|\|/));
  const inline = Array.from(proseOf(text).matchAll(/`([^`\n]+)`/g), ([, code = '']) => code);
  return [...shell, ...inline].flatMap((line) => {
    const [, rest] = /^\s*(?:sudo )?margay (\S.*)$/.exec(line) ?? [];
    return rest === undefined ? [] : [rest.trim()];
  });
}

t.test('commands and options exist', async (t) => {
  const named = new Set<string>();
  for (const each of all) {
    for (const line of commandLines(each)) {
      named.add(line.split(/\s/)[0] ?? '');
      const problem = problemOf(line);
      if (problem !== undefined) t.fail(`${each.path}: ${problem}`);
    }
    for (const [, script = ''] of each.text.matchAll(/npm run ([a-z][\w:-]*)/g))
      if (!Object.hasOwn(scripts, script)) t.fail(`${each.path}: there is no script ${script}`);
  }
  for (const name of commands.keys()) t.ok(named.has(name), `${name} is mentioned`);
});

function resourceBlocks(): { readonly page: Page; readonly block: Block }[] {
  return all.flatMap((page) =>
    page.blocks.filter(({ language }) => language === 'yaml').map((block) => ({ page, block })),
  );
}

t.test('resources are valid', async (t) => {
  const blocks = resourceBlocks();
  t.ok(blocks.length > 2);
  for (const { page, block } of blocks) {
    for (const document of readDocuments(block.text, 'yaml')) {
      const { parsed } = parseResource(document.value, { unknownFields: 'error', defaults: 'client', checkSelector });
      const issues = [
        ...document.issues,
        ...(parsed.valid ? [] : parsed.issues),
        ...document.warnings,
        ...parsed.warnings,
      ];
      t.strictSame(issues, [], `${page.path}:${block.line}`);
    }
  }
});

t.test('settings', async (t) => {
  const { text } = page('README.md');
  const rows = settingNames.map((key) => {
    const { name, placeholder, defaultText, help } = settingsTable[key];
    const option = `--${name} ${placeholder.toUpperCase()}`;
    return `| \`${option}\` | \`${variableName(name)}\` | ${defaultText} | ${help.replaceAll('*', '\\*')} |`;
  });
  for (const row of rows) t.ok(text.includes(`\n${row}\n`), row);
  t.equal([...text.matchAll(/^\| `--/gm)].length, rows.length, 'and no others');
});

t.test('metrics', async (t) => {
  const { text } = page('docs/operations.md');
  const rows = Object.values(metricsTable).map((metric) => {
    const labels = 'labels' in metric ? ` {${metric.labels.join(', ')}}` : '';
    return `| \`${metric.name}\`${labels} | ${metric.type} | ${metric.help} |`;
  });
  for (const row of rows) t.ok(text.includes(`\n${row}\n`), row);
  t.equal([...text.matchAll(/^\| `(?:felix|margay)_/gm)].length, rows.length, 'and no others');
});

/** What differs between the page and a listing: indentation, digests. */
function plainLines(text: string): string[] {
  return text.split('\n').map((line) => line.trim().replace(/(?<=-)(?:[0-9a-f]{16}|[0-9a-f]{12})\b/g, '…'));
}

t.test('the example of the ruleset is what is rendered', async (t) => {
  const { blocks } = page('docs/ruleset.md');
  const example = (name: string) => blocks.find((block) => block.example === name)?.text ?? '';
  const directory = mkdtempSync(join(tmpdir(), 'margay-docs-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'resources.yaml'), example('resources'));
  writeFileSync(join(directory, 'interfaces.txt'), '[]');
  const written: string[] = [];
  const options = ['--datastore', `file:${directory}`, '--interfaces', join(directory, 'interfaces.txt')];
  const io = { stdout: { write: (text: string) => written.push(text) }, stderr: sink(), environment: {} };
  t.equal(await runProgram(['render', '--node', 'web1', ...options], io), 0);
  const lines = new Set(plainLines(written.join('')));
  const missing = plainLines(example('ruleset')).filter((line) => !lines.has(line));
  t.strictSame(missing, [], 'change docs/ruleset.md with the renderer');
  t.ok(plainLines(example('ruleset')).length > 10);
});

t.test('every base chain is explained', async (t) => {
  const { HOOKS } = await import('../../src/ruleset/stage.js');
  const { text } = page('docs/ruleset.md');
  for (const [name, { priority }] of Object.entries(HOOKS)) {
    t.ok(text.includes(`[${name} ${priority}]`), `${name} ${priority} is in the picture`);
    t.match(text, new RegExp(`^\\| (?:\`[a-z-]+\`, )*\`${name}\``, 'm'), `${name} is in the table`);
  }
});

t.test('source files that are named exist', async (t) => {
  const named = all.flatMap(({ path, text }) =>
    Array.from(proseOf(text).matchAll(/`((?:[a-z]+\/)+[a-z-]+\.ts)`/g), ([, file = '']) => ({ path, file })),
  );
  t.ok(named.length > 10);
  for (const { path, file } of named)
    t.ok(
      [root, join(root, 'src')].some((directory) => existsSync(join(directory, file))),
      `${path} names ${file}`,
    );
});
