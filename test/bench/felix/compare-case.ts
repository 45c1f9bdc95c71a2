// [--quick]: the comparison as a process of its own, in a network namespace that nobody else uses. Prints JSON.

import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { systemPath } from '../../lab/command.js';
import type { Binaries } from './arena.js';
import { compare } from './compare.js';

/** What Felix calls, in nftables mode too; it ends by itself without. */
const TOOLS = ['ipset', 'iptables-save', 'ip6tables-save', 'conntrack'];

const tell = (text: string) => void process.stderr.write(`bench: ${text}\n`);

/** What the environment names; undefined without. */
function binariesOf({ CALICO_FELIX = '', CALICOCTL = '' }: NodeJS.ProcessEnv): Binaries | undefined {
  if (CALICO_FELIX === '' && CALICOCTL === '') return undefined;
  if (CALICO_FELIX === '' || CALICOCTL === '') throw new Error('set both CALICO_FELIX and CALICOCTL, or neither');
  const missing = TOOLS.filter(
    (tool) =>
      !systemPath()
        .split(':')
        .some((path) => isProgram(join(path, tool))),
  );
  if (missing.length > 0) throw new Error(`Felix needs ${missing.join(', ')} (Debian: ipset, iptables, conntrack)`);
  return { felix: CALICO_FELIX.split(' '), calicoctl: CALICOCTL.split(' ') };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const binaries = binariesOf(process.env);
if (binaries === undefined) tell('CALICO_FELIX and CALICOCTL name no binaries: Margay alone');
const comparisons = await compare({ binaries, quick: process.argv.includes('--quick'), tell });
process.stdout.write(JSON.stringify(comparisons));
