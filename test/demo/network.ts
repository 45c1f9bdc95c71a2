import { createLab, type Lab, type Service } from '../lab/lab.js';

/** Who may try to reach whom in the demo; `host` is the name in the lab. */
export const people = [
  { host: 'x0', title: 'internet' },
  { host: 'x1', title: 'office' },
  { host: 'y0', title: 'backup' },
  { host: 'node0', title: 'node0' },
  { host: 'web', title: 'web' },
  { host: 'db', title: 'db' },
] as const;

/** What they may try. */
export const targets: readonly { readonly host: string; readonly service: Service; readonly title: string }[] = [
  { host: 'node0', service: 'tcp/22', title: 'ssh 22' },
  { host: 'node0', service: 'tcp/80', title: 'http 80' },
  { host: 'node0', service: 'tcp/9100', title: 'metrics 9100' },
  { host: 'web', service: 'tcp/80', title: 'http 80' },
  { host: 'db', service: 'tcp/5432', title: 'sql 5432' },
  { host: 'x0', service: 'tcp/443', title: 'https 443' },
  { host: 'y0', service: 'tcp/443', title: 'https 443' },
];

export const titleOf = (host: string): string => people.find((person) => person.host === host)?.title ?? host;

/** Builds the network and starts the servers. */
export async function createDemoLab(): Promise<Lab> {
  const lab = await createLab({ clients: ['x0', 'x1', 'y0'], workloads: [{ name: 'web' }, { name: 'db' }] });
  await Promise.all(targets.map(({ host, service }) => lab.serve(host, [service])));
  return lab;
}

/** The network as a drawing, with the addresses that it has. */
export const drawing = `
      internet            office
     172.31.0.20        172.31.0.21
          │                  │
   ───────┴────────┬─────────┴──────  net0  172.31.0.0/24  fd31::/64
                   │ eth0
         ┌─────────┴─────────┐ caliweb
         │                   ├───────────  web  10.65.0.2  fd65::2
         │  node0            │ calidb
         │  (Margay's node)  ├───────────  db   10.65.0.3  fd65::3
         └─────────┬─────────┘
                   │ eth1
   ────────────────┼────────────────  net1  172.31.1.0/24  fd31:1::/64
                   │
                backup
              172.31.1.22
`;
