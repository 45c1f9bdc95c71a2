// etcd-writer.mjs URL: puts into etcd what it is told, in whatever network namespace it is. Each line of its input is [key, value];
// it answers with a line when the put is done.

import { createInterface } from 'node:readline';

const [, , url] = process.argv;
const base64 = (text) => Buffer.from(text).toString('base64');

for await (const line of createInterface({ input: process.stdin })) {
  const [key, value] = JSON.parse(line);
  const body = JSON.stringify({ key: base64(key), value: base64(value) });
  const { ok } = await fetch(`${url}/v3/kv/put`, { method: 'POST', body });
  console.log(ok ? 'done' : 'failed');
}
