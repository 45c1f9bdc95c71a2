import { resolve } from 'node:path';

/** Which datastore to follow. `url` is as the operator wrote it. */
export type DatastoreSetting =
  | { readonly type: 'file'; readonly url: string; readonly directory: string }
  /** Without a kubeconfig: the one that $KUBECONFIG names, or the cluster that this is a pod of. */
  | { readonly type: 'kubernetes'; readonly url: string; readonly kubeconfig: string | undefined };

type Parsed =
  | { readonly ok: true; readonly value: DatastoreSetting }
  | { readonly ok: false; readonly message: string };

/** By the word before the first colon; the place where a new type of datastore is added. */
const types = new Map<string, (rest: string, url: string) => Parsed>([
  ['file', parseFile],
  ['etcd', () => ({ ok: false, message: 'the datastore etcd is not available in this version' })],
  ['kubernetes', parseKubernetes],
]);

/** What `--datastore` says, or why it can't be used. */
export function parseDatastore(url: string): Parsed {
  const colon = url.indexOf(':');
  const parse = colon < 0 ? undefined : types.get(url.slice(0, colon));
  if (parse) return parse(url.slice(colon + 1), url);
  const hint = /^[./]/.test(url) ? `; did you mean file:${url}?` : '';
  return { ok: false, message: `must be file:DIR or kubernetes:[KUBECONFIG], not "${url}"${hint}` };
}

function parseFile(rest: string, url: string): Parsed {
  if (rest === '') return { ok: false, message: 'the directory is missing: write file:DIR' };
  return { ok: true, value: { type: 'file', url, directory: resolve(rest) } };
}

function parseKubernetes(rest: string, url: string): Parsed {
  const paths = rest.split(':').filter((path) => path !== '');
  const kubeconfig = paths.length === 0 ? undefined : paths.map((path) => resolve(path)).join(':');
  return { ok: true, value: { type: 'kubernetes', url, kubeconfig } };
}
