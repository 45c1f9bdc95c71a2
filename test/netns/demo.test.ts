import { join } from 'node:path';
import { execa } from 'execa';
import t from 'tap';
import { cleanEnvironment } from '../lab/agent.js';
import { checkout } from '../lab/checkout.js';

const skip = process.getuid?.() === 0 ? false : 'network namespaces need root';
t.setTimeout(300_000);

t.test('the demo', { skip }, async (t) => {
  const options = { all: true, reject: false, stdin: 'ignore', timeout: 240_000, extendEnv: false } as const;
  // As `npm test` has compiled it: `npm run demo` itself could build anew, under the other tests' feet.
  const program = join(checkout, 'test/dist/test/demo/main.js');
  const demo = (...args: readonly string[]) =>
    execa(process.execPath, [program, ...args], { ...options, env: cleanEnvironment() });

  await t.test('ends by itself and shows what it promises', async (t) => {
    const { all, exitCode } = await demo();
    t.equal(exitCode, 0, all);
    t.match(all, /^ {2}office +✓ +✓ +✓ +✓ +·\* +✓ +✓$/m, 'Margay closes what no policy allows');
    t.match(all, /^ {2}office +✓ +✓ +✓ +✓ +✓\* +✓ +✓$/m, 'the edit opens one thing');
    t.match(all, /comment "NetworkPolicy shop\/db ingress\[0\]"/, 'the ruleset');
    t.match(all, /Everybody reaches what he reached before/, 'the mistake');
    t.match(all, /30-web\.yaml:11/, 'and where it is');
    t.notOk(all.includes('\u001b'), 'no colours without a terminal');
    const pid = /margay-lab-(\d+)-/.exec(all)?.[1];
    const { stdout } = await execa('ip', ['netns', 'list']);
    t.notMatch(stdout, new RegExp(`margay-lab-${pid}-`), 'nothing is left');
  });

  await t.test('--help, and what it does not know', async (t) => {
    t.match(await demo('--help'), { exitCode: 0, stdout: /--keep/ });
    t.match(await demo('--kep'), { exitCode: 2, stderr: /--kep/ });
  });
});
