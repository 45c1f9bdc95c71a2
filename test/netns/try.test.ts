import t from 'tap';
import { createLab } from '../lab/lab.js';
t.test('lab', async (t) => {
  let s = performance.now();
  const lap = (w: string) => { console.error(w, Math.round(performance.now() - s)); s = performance.now(); };
  const lab = await createLab({ clients: ['x0', 'x1', 'y0'], workloads: [{ name: 'w0' }, { name: 'w1' }] });
  t.teardown(() => lab.close());
  lap('create');
  const hosts = ['node0', 'x0', 'x1', 'y0', 'w0', 'w1'];
  await Promise.all(hosts.map((h) => lab.serve(h, ['tcp/80', 'udp/53'])));
  lap('serve');
  for (const fam of [4, 6] as const)
  for (const svc of ['tcp/80', 'udp/53', 'icmp'] as const) {
    const all = hosts.flatMap((a) => hosts.filter((b) => a !== b).map((b) => [a, b] as const));
    const r = await Promise.all(all.map(async ([a, b]) => [a, b, await lab.probe(a, b, svc, fam)] as const));
    lap(svc + fam);
    t.same(r.filter(([, , o]) => o !== 'allow'), []);
  }
  t.equal(await lab.probe('x0', 'node0', 'tcp/81'), 'reject');
  t.equal(await lab.probe('x0', 'node0', 'udp/81', 6), 'reject');
  t.equal(await lab.probe('x0', '172.31.1.10', 'udp/53'), 'allow');
  await lab.must('node0', ['nft', '-f', '-'], { input: 'table inet f { chain o { type filter hook output priority 0; udp dport 53 drop; tcp dport 80 drop; }\n}\n' });
  lap('x');
  t.equal(await lab.probe('node0', 'x0', 'udp/53'), 'deny');
  lap('deny');
  t.equal(await lab.probe('node0', 'x0', 'tcp/80', 6), 'deny');
  lap('deny');
  const f = await lab.connect('x0', 'w0', 'tcp/80');
  t.equal(await f.alive(), true);
  const w = await lab.watch('x0', 'node0', 'udp/53');
  await new Promise((r) => setTimeout(r, 500));
  console.error(await w.stop());
});
