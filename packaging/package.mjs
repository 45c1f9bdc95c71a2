// `npm run package`: makes dist/margay_VERSION_all.deb (or in the directory that is given) of what `npm run build` has compiled. The same sources and the same
// SOURCE_DATE_EPOCH (default: of the last commit) give the same bytes.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { commandWords } from '../dist/cli/command-words.js';
import { completion } from '../dist/cli/completion.js';
import { createProgram } from '../dist/cli/program.js';
import { copyright } from './copyright.mjs';
import { manPage, settingsManPage } from './man-pages.mjs';
import { settingsExample } from './settings-example.mjs';
import { wrapped } from './wrapped.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const maintainer = 'Margay maintainers <maintainers@margay.invalid>';
const output = process.argv[2] ?? join(root, 'dist');
const epoch = process.env.SOURCE_DATE_EPOCH ?? lastCommit();
const tree = mkdtempSync(join(tmpdir(), 'margay-package-'));
/** prom-client is loaded at run time, for metrics only, and needs the other two. */
const atRunTime = ['prom-client', 'tdigest', 'bintrees'];

try {
  await fill();
  const file = join(output, `margay_${version}_all.deb`);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', tree, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: epoch },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  console.log(file);
} finally {
  rmSync(tree, { recursive: true });
}

function lastCommit() {
  try {
    return execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }).trim();
  } catch {
    // Sources without their history.
    return '0';
  }
}

async function fill() {
  const silent = { write: () => true };
  const program = createProgram({ stdout: silent, stderr: silent, environment: {} }, () => undefined);
  const words = commandWords(program);
  const bundled = await bundle('usr/lib/margay/dist/cli');
  put('usr/lib/margay/package.json', `${JSON.stringify({ name: 'margay', version, type: 'module', private: true })}\n`);
  for (const name of ['failsafe-ports.json', 'projectcalico-default-allow.json', 'boot-fallback.nft'])
    put(`usr/lib/margay/rules/${name}`, source(`rules/${name}`));
  for (const name of atRunTime) library(name);
  put('usr/lib/margay/boot', source('systemd/boot'), 0o755);
  link('usr/bin/margay', '../lib/margay/dist/cli/main.js');
  for (const name of ['margay.service', 'margay-boot.service'])
    put(`usr/lib/systemd/system/${name}`, source(`systemd/${name}`));

  put('etc/margay/margay.yaml', settingsExample());
  mkdirSync(join(tree, 'etc/margay/resources.d'), { mode: 0o755 });

  const date = new Date(Number(epoch) * 1000).toISOString().slice(0, 10);
  put('usr/share/man/man1/margay.1.gz', compressed(manPage(program, version, date)));
  put('usr/share/man/man5/margay.yaml.5.gz', compressed(settingsManPage(version, date)));
  put('usr/share/bash-completion/completions/margay', completion('bash', words));
  put('usr/share/zsh/vendor-completions/_margay', completion('zsh', words));
  put('usr/share/fish/vendor_completions.d/margay.fish', completion('fish', words));

  put('usr/share/doc/margay/copyright', copyright(root, [...new Set([...bundled, ...atRunTime])].sort()));
  put('usr/share/doc/margay/changelog.gz', compressed(changelog()));
  for (const name of ['operations', 'ruleset', 'compatibility'])
    put(`usr/share/doc/margay/${name}.md`, source(`docs/${name}.md`));
  cpSync(join(root, 'rules/examples'), join(tree, 'usr/share/doc/margay/examples'), { recursive: true });

  settle(tree);
  const bytes = filesBelow(tree).reduce((sum, path) => sum + lstatSync(join(tree, path)).size, 0);
  for (const name of ['postinst', 'prerm', 'postrm']) put(`DEBIAN/${name}`, source(`packaging/debian/${name}`), 0o755);
  put('DEBIAN/conffiles', '/etc/margay/margay.yaml\n');
  put('DEBIAN/md5sums', md5sums());
  put('DEBIAN/control', control(Math.ceil(bytes / 1024)));
}

/** Returns the names of the packages in it. */
async function bundle(to) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/cli/main.ts'],
    outdir: join(tree, to),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    metafile: true,
    legalComments: 'none',
    logLevel: 'warning',
    banner: {
      js: 'import { createRequire as requireOfBundle } from "node:module"; const require = requireOfBundle(import.meta.url);',
    },
  });
  const main = join(tree, to, 'main.js');
  // A Node.js of somebody's PATH may be another one.
  writeFileSync(main, readFileSync(main, 'utf8').replace('#!/usr/bin/env node', '#!/usr/bin/node'));
  chmodSync(main, 0o755);
  const packages = Object.keys(metafile.inputs).flatMap(
    (path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? [],
  );
  return [...new Set(packages)];
}

/** A package of node_modules without its tests, types and examples. */
function library(name) {
  const from = join(root, 'node_modules', name);
  // The index of prom-client loads its default metrics, and these what is not here.
  const keep = /^(package\.json|tdigest\.js|lib|lib\/(?!cluster|defaultMetrics|pushgateway)\w+\.js)$/;
  cpSync(from, join(tree, 'usr/lib/margay/node_modules', name), {
    recursive: true,
    filter: (path) =>
      path === from || (name === 'bintrees' && path.endsWith('/index.js')) || keep.test(path.slice(from.length + 1)),
  });
}

function control(kilobytes) {
  return `Package: margay
Version: ${version}
Architecture: all
Maintainer: ${maintainer}
Installed-Size: ${kilobytes}
Depends: nodejs (>= 20.19), nftables (>= 1.0.6), iproute2
Recommends: conntrack, systemd
Section: net
Priority: optional
Description: ${description.replace(/^Enforces/, 'enforces')}
 Margay is a daemon that reads Calico resources (host endpoints, workload
 endpoints, policies, profiles, network sets), works out what they mean for
 this host, and keeps one nftables table equal to that.
 .
 Nothing is switched on by the installation: systemctl enable --now margay.
`;
}

/** Of each version in CHANGELOG.md its items, as Debian writes them. */
function changelog() {
  const date = new Date(Number(epoch) * 1000).toUTCString().replace('GMT', '+0000');
  const versions = source('CHANGELOG.md').split(/^## /m).slice(1);
  return versions
    .map((text) => {
      const items = text.split(/^- /m).slice(1);
      const lines = items.map((item) => `  * ${wrapped(item.trim().replaceAll('**', ''), 76).join('\n    ')}`);
      return `margay (${text.split(/\s/, 1)[0]}) unstable; urgency=medium\n\n${lines.join('\n')}\n\n -- ${maintainer}  ${date}\n`;
    })
    .join('\n');
}

function md5sums() {
  const paths = filesBelow(tree).filter((path) => !path.startsWith('DEBIAN/') && !path.startsWith('etc/'));
  const files = paths.filter((path) => !lstatSync(join(tree, path)).isSymbolicLink());
  return execFileSync('md5sum', files.sort(), { cwd: tree, encoding: 'utf8' });
}

function filesBelow(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(directory.length + 1));
}

/** Modes that do not depend on the umask of whoever builds. */
function settle(directory) {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) settle(path);
    else if (entry.isFile()) chmodSync(path, lstatSync(path).mode & 0o100 ? 0o755 : 0o644);
  }
}

function source(path) {
  return readFileSync(join(root, path), 'utf8');
}

function put(path, content, mode = 0o644) {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), content);
  chmodSync(join(tree, path), mode);
}

function link(path, target) {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  symlinkSync(target, join(tree, path));
}

function compressed(text) {
  return gzipSync(text, { level: 9 });
}
