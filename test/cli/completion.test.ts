import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { commandWords } from '../../src/cli/command-words.js';
import { completion } from '../../src/cli/completion.js';
import { createProgram, runProgram } from '../../src/cli/program.js';
import { shells } from '../../src/cli/shells.js';

const silent = { write: () => true };
const program = createProgram({ stdout: silent, stderr: silent, environment: {} }, () => undefined);
const words = commandWords(program);

function has(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

t.test('all commands and options are in each script', async (t) => {
  t.ok(words.length >= program.commands.length, 'help too');
  for (const shell of shells) {
    const script = completion(shell, words);
    for (const { name, options } of words) {
      t.match(script, new RegExp(`\\b${name}\\b`), `${shell}: ${name}`);
      const long = (option: string) => (shell === 'fish' ? `-l ${option.slice(2)}` : option);
      t.strictSame(
        options.map((option) => option.long).filter((option) => !script.includes(long(option))),
        [],
      );
    }
  }
});

t.test('optional values, values with brackets, and words to choose from', async (t) => {
  const option = (command: string, name: string) =>
    words.find((each) => each.name === command)?.options.find(({ long }) => long === name);
  t.match(option('status', '--wait'), { value: 'seconds', optional: true });
  t.match(option('explain', '--from'), { value: 'addr[:port]', optional: false });
  t.match(option('status', '--json'), { value: undefined, optional: false });
  t.same(words.find(({ name }) => name === 'boot')?.choices, ['enable', 'disable', 'show']);
});

t.test('shells read it', async (t) => {
  const directory = t.testdir();
  const script = (shell: (typeof shells)[number]) => {
    const path = join(directory, shell);
    writeFileSync(path, completion(shell, words));
    return path;
  };
  const asked = (line: string) =>
    execFileSync('bash', ['-c', `. '${script('bash')}'; ${line}; _margay; echo "\${COMPREPLY[@]}"`], {
      encoding: 'utf8',
    }).trim();
  t.match(asked('COMP_WORDS=(margay b) COMP_CWORD=1'), /^boot$/);
  t.match(asked("COMP_WORDS=(margay boot '') COMP_CWORD=2"), /^enable disable show --/);
  t.equal(asked("COMP_WORDS=(margay run --config '') COMP_CWORD=3"), '', 'a file');
  for (const shell of ['zsh', 'fish'] as const) {
    if (!has(shell)) t.comment(`${shell} is not installed`);
    else t.equal(spawnSync(shell, ['-n', script(shell)], { encoding: 'utf8' }).stderr, '', shell);
  }
});

t.test('margay completion', async (t) => {
  let stdout = '';
  const io = { stdout: { write: (text: string) => (stdout += text) }, stderr: silent, environment: {} };
  t.equal(await runProgram(['completion', 'bash'], io), 0);
  t.equal(stdout, completion('bash', words));
  t.equal(await runProgram(['completion', 'tcsh'], io), 2);
});
