// `npm run test:mutation`: puts faults into copies of the sources, one at a time, and tells whether the comparison of
// evaluator and tracer finds each. Nothing in the checkout is changed. With an argument only the faults in files with it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import typescript from 'typescript';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const build = mkdtempSync(join(tmpdir(), 'margay-mutation-'));
let missed = 0;
try {
  compile();
  const { FAULTS: all } = await import(pathToFileURL(join(build, 'test/mutation/faults.js')).href);
  const faults = all.filter(({ file }) => file.includes(process.argv[2] ?? ''));
  const clean = check();
  if (clean.status !== 0) throw new Error(`the comparison fails without any fault: ${clean.text}`);
  for (const fault of faults) if (!isCaught(fault)) missed++;
  console.log(`${faults.length - missed} of ${faults.length} faults caught`);
} finally {
  rmSync(build, { recursive: true });
}
process.exitCode = missed > 0 ? 1 : 0;

/** Without types, which `npm run typecheck` checks: it has to be run with a fault in it. */
function compile() {
  const tsc = join(checkout, 'node_modules/.bin/tsc');
  const done = spawnSync(tsc, ['-p', 'test/tsconfig.json', '--noEmit', 'false', '--noCheck', '--outDir', build], {
    cwd: checkout,
    encoding: 'utf8',
  });
  if (done.status !== 0) throw new Error(`tsc: ${done.stdout}${done.stderr}`);
  for (const name of ['node_modules', 'package.json', 'rules']) symlinkSync(join(checkout, name), join(build, name));
}

function isCaught({ name, file, find, replace }) {
  const target = join(build, 'src', file.replace(/\.ts$/, '.js'));
  const original = readFileSync(target);
  const source = readFileSync(join(checkout, 'src', file), 'utf8');
  if (source.split(find).length !== 2) {
    console.log(`STALE   ${name} (src/${file} has not exactly one place for it)`);
    return false;
  }
  const { target: language, module } = typescript.readConfigFile(
    join(checkout, 'tsconfig.json'),
    typescript.sys.readFile,
  ).config.compilerOptions;
  const compilerOptions = typescript.convertCompilerOptionsFromJson({ target: language, module }, checkout).options;
  const faulty = typescript.transpileModule(
    source.replace(find, () => replace),
    {
      compilerOptions: { ...compilerOptions, module: typescript.ModuleKind.ES2022 },
    },
  );
  writeFileSync(target, faulty.outputText);
  const { status, text } = check();
  writeFileSync(target, original);
  const caught = status === 1;
  console.log(`${caught ? 'caught' : 'MISSED'}  ${name}${text === '' ? '' : ` (${text})`}`);
  return caught;
}

function check() {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(build, 'test/mutation/check.js')], {
    encoding: 'utf8',
    timeout: 1_200_000,
  });
  return { status, text: `${stdout}${status === 1 ? '' : stderr}`.trim() };
}
