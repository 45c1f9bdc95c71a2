import { resolve } from 'node:path';
import { type Endpoint, parseEndpoint } from '../../datastore/etcd/endpoint.js';

/** Which datastore to follow. `url` is as the operator wrote it. */
export type DatastoreSetting =
  | { readonly type: 'file'; readonly url: string; readonly directory: string }
  /** Without endpoints: those that the environment names. */
  | { readonly type: 'etcd'; readonly url: string; readonly endpoints: readonly Endpoint[] }
  /** Without a file: that of $KUBECONFIG, else the cluster that the process runs in. */
  | { readonly type: 'kubernetes'; readonly url: string; readonly kubeconfig: string | undefined };

type Parsed =
  | { readonly ok: true; readonly value: DatastoreSetting }
  | { readonly ok: false; readonly message: string };

/** By the word before the first colon; the place where a new type of datastore is added. */
const types = new Map<string, (rest: string, url: string) => Parsed>([
  ['file', parseFile],
  ['etcd', parseEtcd],
  ['kubernetes', parseKubernetes],
]);

/** What `--datastore` says, or why it can't be used. */
export function parseDatastore(url: string): Parsed {
  const colon = url.indexOf(':');
  const parse = colon < 0 ? undefined : types.get(url.slice(0, colon));
  if (parse) return parse(url.slice(colon + 1), url);
  const hint = /^[./]/.test(url)
    ? `; did you mean file:${url}?`
    : /^https?:/.test(url)
      ? `; did you mean etcd:${url}?`
      : '';
  return { ok: false, message: `must be file:DIR, etcd:URL[,URL...] or kubernetes:[KUBECONFIG], not "${url}"${hint}` };
}

function parseFile(rest: string, url: string): Parsed {
  if (rest === '') return { ok: false, message: 'the directory is missing: write file:DIR' };
  return { ok: true, value: { type: 'file', url, directory: resolve(rest) } };
}

function parseEtcd(rest: string, url: string): Parsed {
  const endpoints = parseEndpoints(rest);
  return endpoints.ok ? { ok: true, value: { type: 'etcd', url, endpoints: endpoints.value } } : endpoints;
}

function parseKubernetes(rest: string, url: string): Parsed {
  const paths = rest.split(':').filter((path) => path !== '');
  const kubeconfig = paths.length === 0 ? undefined : paths.map((path) => resolve(path)).join(':');
  return { ok: true, value: { type: 'kubernetes', url, kubeconfig } };
}

/** A list of URLs with commas. */
export function parseEndpoints(
  list: string,
): { readonly ok: true; readonly value: readonly Endpoint[] } | { readonly ok: false; readonly message: string } {
  const endpoints = new Map<string, Endpoint>();
  for (const text of list.split(',').filter((part) => part.trim() !== '')) {
    const parsed = parseEndpoint(text.trim());
    if (!parsed.ok) return parsed;
    endpoints.set(parsed.value.url, parsed.value);
  }
  return { ok: true, value: [...endpoints.values()] };
}
