import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { saveCommittedRuleset } from '../../src/agent/committed-ruleset.js';
import { checkout } from '../lab/checkout.js';
import { createLab } from '../lab/lab.js';
import { probeLines } from '../lab/probe-lines.js';
import { createResourceStore, type Resource } from '../lab/resource-store.js';

const skip = process.getuid?.() === 0 ? false : 'network namespaces need root';
const script = join(checkout, 'systemd/boot');
const fallback = join(checkout, 'rules/boot-fallback.nft');

const resources: readonly Resource[] = [
  {
    kind: 'HostEndpoint',
    metadata: { name: 'node0-eth0', labels: { role: 'edge' } },
    spec: { node: 'node0', interfaceName: 'eth0' },
  },
  {
    kind: 'GlobalNetworkPolicy',
    metadata: { name: 'edge' },
    spec: {
      selector: "role == 'edge'",
      types: ['Ingress', 'Egress'],
      ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [80] } }],
      egress: [{ action: 'Allow' }],
    },
  },
];
const enforced = ['x0 -> node0 tcp/80 allow', 'x0 -> node0 tcp/8080 deny', 'x0 -> node0 tcp/22 allow'];
const closed = ['x0 -> node0 tcp/80 deny', 'x0 -> node0 tcp/22 allow', 'node0 -> x0 tcp/443 allow'];

t.setTimeout(120_000);
t.test('before the network, without Node.js', { skip }, async (t) => {
  const lab = await createLab({ clients: ['x0'] });
  t.teardown(() => lab.close());
  await lab.serve('node0', ['tcp/22', 'tcp/80', 'tcp/8080']);
  await lab.serve('x0', ['tcp/443']);
  const nft = (...argv: readonly string[]) => lab.must('node0', ['nft', ...argv]);
  const state = join(lab.directory, 'state');
  const boot = (...more: readonly string[]) => lab.exec('node0', [script, state, ...more]);
  const expect = async (t: Test, lines: readonly string[]) => t.same(await probeLines(lab, lines), lines);
  const reboot = () => nft('flush', 'ruleset');

  const store = createResourceStore(join(lab.directory, 'resources'));
  store.put(...resources);
  const agent = await lab.startAgent({ resources: store.directory, args: ['--state-dir', state] });
  await agent.status({ waitSeconds: 30 });
  await agent.stop();

  await t.test('the saved ruleset, and the daemon after it', async (t) => {
    await reboot();
    const { exitCode, stderr } = await boot();
    t.equal(exitCode, 0);
    t.match(stderr, /^<6>margay-boot: the ruleset that was committed last is in force$/m);
    await expect(t, enforced);
    await agent.start();
    t.equal((await agent.status({ waitSeconds: 30 })).lastApply?.changes, 0, 'the daemon has nothing to change');
    await agent.stop();
  });

  await t.test('a ruleset that was changed on disk is not loaded', async (t) => {
    await reboot();
    appendFileSync(join(state, 'ruleset.nft'), '# damaged\n');
    const { exitCode, stderr } = await boot(fallback);
    t.equal(exitCode, 0);
    t.match(stderr, /does not match its digest.*\n<4>.*fallback is in force/);
    await expect(t, closed);
  });

  await t.test('the daemon takes over from the fallback without a moment between', async (t) => {
    const connection = await lab.connect('x0', 'node0', 'tcp/22');
    const allowed = await lab.watch('x0', 'node0', 'tcp/22');
    const denied = await lab.watch('x0', 'node0', 'tcp/8080');
    await agent.start();
    await agent.status({ waitSeconds: 30 });
    const [open, shut] = [await allowed.stop(), await denied.stop()];
    t.ok(open.sent > 3);
    t.equal(open.answered, open.sent, 'what is allowed was never denied');
    t.equal(shut.answered, 0, 'what is denied was never allowed');
    t.ok(await connection.alive());
    await connection.close();
    t.notMatch(await nft('list', 'table', 'inet', 'margay'), /boot-/, 'nothing of the fallback is left');
    await expect(t, enforced);
    await agent.stop();
  });

  await t.test('no saved ruleset, none that is whole, one that nft refuses', async (t) => {
    const cases: Readonly<Record<string, { readonly prepare: () => unknown; readonly said: RegExp }>> = {
      'no directory': { prepare: () => rmSync(state, { recursive: true }), said: /there is no saved ruleset/ },
      'no digest': { prepare: () => writeFileSync(join(state, 'ruleset.nft'), ''), said: /there is no saved ruleset/ },
      'an empty digest': {
        prepare: () => writeFileSync(join(state, 'ruleset.nft.sha256'), ''),
        said: /does not match its digest/,
      },
      'a ruleset that nft refuses': {
        prepare: async () => {
          rmSync(state, { recursive: true });
          await saveCommittedRuleset(state, 'table inet margay { nonsense }\n');
        },
        said: /nft refuses/,
      },
    };
    for (const [title, { prepare, said }] of Object.entries(cases)) {
      await prepare();
      mkdirSync(state, { recursive: true });
      await reboot();
      const { exitCode, stderr } = await boot(fallback);
      t.equal(exitCode, 0, title);
      t.match(stderr, said, title);
      t.match(await nft('list', 'table', 'inet', 'margay'), /chain boot-input/, title);
    }
    await expect(t, closed);
  });

  await t.test('a fallback of the operator comes first, unless nft refuses it', async (t) => {
    const own = join(lab.directory, 'own.nft');
    const boots = async (text: string) => {
      writeFileSync(own, text);
      await reboot();
      const { exitCode, stderr } = await boot('/nonexistent', own, fallback);
      t.equal(exitCode, 0);
      return `${stderr}${await nft('list', 'table', 'inet', 'margay')}`;
    };
    t.match(await boots('table inet margay {\n chain mine { }\n}\n'), /own\.nft\)[^\n]*\n.*chain mine/s);
    t.match(await boots('nonsense\n'), /nft refuses \S*own\.nft\n.*chain boot-input/s);
  });

  await t.test('nothing at all can be loaded', async (t) => {
    const { exitCode, stderr } = await boot('/nonexistent');
    t.equal(exitCode, 1);
    t.match(stderr, /^<2>margay-boot: neither/m);
  });
});
