import fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { describeTable } from '/work/main/src/nft/content.js';
import { nftCommand } from '/work/main/src/nft/nft-command.js';
import { printTable } from '/work/main/src/nft/print.js';
import { differences } from '/work/main/src/nft/table-differences.js';
import { nftNamespace } from '/work/main/test/netns/nft-namespace.js';
import { table } from '/work/main/test/nft/arbitraries.js';
t.test('fuzz', { timeout: 400000 }, async (t) => {
  const ns = nftNamespace();
  t.teardown(ns.remove);
  const driver = nftCommand({ command: ns.command });
  await fc.assert(fc.asyncProperty(table, async (random) => {
    const script = printTable(random);
    try { await driver.apply(script); } catch (e) { throw new Error(`${(e as Error).message}\n${(e as any).line}\n`+script.text); }
    writeFileSync('/tmp/nftx/script.nft', script.text); const content = await driver.read('margay');
    const want = describeTable(random);
    if (!content) throw new Error('none');
    const d = differences(content, want);
    if (d.length) {
      writeFileSync('/tmp/nftx/script.nft', script.text);
      const [k, n=''] = d[0]!.split(' ');
      throw new Error(d.join() + '\n' + JSON.stringify(content.chains.get(n) ?? [content.sets.get(n)?.header, [...content.sets.get(n)?.elements??[]]], null, 1) + '\nwant ' + JSON.stringify(want.chains.get(n) ?? [want.sets.get(n)?.header, [...want.sets.get(n)?.elements??[]]], null, 1)+ns.nft('list','table','inet','margay'));
    }
  }), { numRuns: Number(process.env.RUNS ?? 60), endOnFailure: !process.env.SHRINK });
});
