import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { admission } from '../../src/agent/admission.js';
import { readCommittedRuleset } from '../../src/agent/committed-ruleset.js';
import { objectJournal } from '../../src/agent/object-journal.js';
import { stateKeeper } from '../../src/agent/state-keeper.js';
import { createLog } from '../../src/observe/log.js';

const table = (name: string) => ({ name: 'margay', chains: [{ name, rules: [] }], sets: [], maps: [] });

t.test('what can not be written is told once, tried again, and told when it works', async (t) => {
  // A file is in the way of the directory.
  const there = t.testdir({ blocked: '' });
  const directory = join(there, 'blocked/state');
  const lines: { level: string; msg: string }[] = [];
  const log = await createLog({
    level: 'info',
    format: 'json',
    terminal: false,
    destination: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  const state = stateKeeper(
    directory,
    objectJournal(directory, () => undefined),
    log,
    20,
  );
  t.teardown(() => state.close());
  t.equal(state.problem(), null);
  state.committed(table('one'), admission());
  while (lines.length < 2) await pause(10);
  state.committed(table('two'), admission());
  // Several times again.
  await pause(500);
  t.strictSame(
    lines.map(({ level, msg }) => [level, msg.split(';')[0]]).sort(),
    [
      ['error', 'the ruleset in force could not be saved'],
      ['error', 'the state directory can not be written'],
    ],
    'once each',
  );
  t.match(state.problem(), /ENOTDIR/);
  rmSync(join(there, 'blocked'));
  while (lines.length < 3) await pause(10);
  t.match(lines[2], { level: 'info', msg: 'the state directory can be written again' });
  t.equal(state.problem(), null);
  t.match(await readCommittedRuleset(directory), { ok: true, text: /chain two/ }, 'without a change');
});
