import { isIP } from 'node:net';

/** Where a member of the cluster listens for clients. */
export interface Endpoint {
  /** As in messages: scheme, host and port. */
  readonly url: string;
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  /** With TLS. */
  readonly secure: boolean;
}

type Parsed = { readonly ok: true; readonly value: Endpoint } | { readonly ok: false; readonly message: string };

const DEFAULT_PORT = 2379;

/** One URL of a list of endpoints, as etcd's own client takes them. */
export function parseEndpoint(text: string): Parsed {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return { ok: false, message: `"${text}" must be http://HOST:PORT or https://HOST:PORT` };
  if (url.username !== '' || url.password !== '')
    return {
      ok: false,
      message: 'user and password do not belong into the URL: use --etcd-user and --etcd-password-file',
    };
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    return { ok: false, message: `"${text}" must end after the port` };
  // URL leaves out the port that is the scheme's own.
  const port = Number(/:(\d+)\/?$/.exec(text)?.[1] ?? DEFAULT_PORT);
  return { ok: true, value: endpointAt(url.hostname.replace(/^\[|\]$/g, ''), port, url.protocol === 'https:') };
}

export function endpointAt(host: string, port: number, secure: boolean): Endpoint {
  const inUrl = isIP(host) === 6 ? `[${host}]` : host;
  return { url: `${secure ? 'https' : 'http'}://${inUrl}:${port}`, host, port, secure };
}
