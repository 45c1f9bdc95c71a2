// `npm test`: sets up, checks types and style, runs all tests. Its last line is `N passed, N failed[, N skipped]`.
// Arguments are passed on to tap: `npm test -- test/nft/*.test.ts`.
import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const bin = (name) => `node_modules/.bin/${name}`;

function finish({ pass = 0, fail = 0, skip = 0, todo = 0 }) {
  const skipped = skip + todo;
  console.log(`${pass} passed, ${fail} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  process.exit(fail > 0 ? 1 : 0);
}

function step(title, command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status === 0) return;
  console.log(`\n${title} failed${error ? `: ${error.message}` : ''}`);
  finish({ fail: 1 });
}

step('setup', '.ci/setup', ['test']);
step('the type check', bin('tsc'), ['--noEmit', '-p', 'test/tsconfig.json']);
step('biome', bin('biome'), ['check', '.']);

if (process.getuid() !== 0) console.log('not root: tests in network namespaces will be skipped');
const [files, options] = [process.argv.slice(2), ['--disable-coverage', '--reporter=terse', '--timeout=300']];
const tap = spawn(
  bin('tap'),
  ['run', ...options, `--jobs=${availableParallelism()}`, ...(files.length > 0 ? files : ['test/**/*.test.ts'])],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
let summary;
let last = '';
createInterface({ input: tap.stdout }).on('line', (text) => {
  // The reporter redraws its counters even where there is no terminal: here, a line for each file that has ended.
  const plain = stripVTControlCharacters(text).trimEnd();
  const line = /^Suites:/.test(plain) ? plain.replace(/ +/g, ' ') : plain;
  if (line.startsWith('Asserts:') || line === last) return;
  if (line !== '') last = line;
  if (line !== '' || !/^Suites:/.test(last)) console.log(line);
  // # { total: 5, pass: 3, fail: 1, skip: 1 }; what is zero is left out.
  const counts = /^\s*# \{ (total: .*) \}\s*$/.exec(line)?.[1];
  if (counts !== undefined)
    summary = Object.fromEntries([...counts.matchAll(/(\w+): (\d+)/g)].map(([, key, n]) => [key, Number(n)]));
});
tap.on('close', (status, signal) => {
  const { total = 0, fail = 0 } = summary ?? {};
  if (total === 0) console.log(`tap ran no test (${signal ?? `exit status ${status}`})`);
  // A crash of the runner or of a test file counts, whatever the summary says.
  finish({ ...summary, fail: fail === 0 && (status !== 0 || total === 0) ? 1 : fail });
});
