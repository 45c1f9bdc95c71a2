import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { isMap } from '../../../resources/normalise.js';
import { listIn, mapIn, type Native, textIn } from '../conversion/native.js';
import { AccessError, type ClusterAccess, type Credentials, noCredentials, type TlsOptions } from './cluster-access.js';
import { basicCredentials, tokenCredentials, tokenFileCredentials } from './credentials.js';
import { type ExecPlugin, execPlugin } from './exec-credentials.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** An entry of a list of a kubeconfig, and the directory of the file that it stands in: paths are relative to that. */
interface Entry {
  readonly content: Native;
  readonly directory: string;
}

type Section = 'clusters' | 'users' | 'contexts';

/**
 * The cluster and the user that the current context of a kubeconfig names. `paths` as in $KUBECONFIG: several files with colons
 * in between are taken together, what comes first counts.
 */
export async function kubeconfigAccess(paths: string, environment: Environment): Promise<ClusterAccess> {
  const files = await Promise.all(
    paths
      .split(':')
      .filter((path) => path !== '')
      .map(readKubeconfig),
  );
  const name = files.map(({ content }) => textIn(content, 'current-context')).find((name) => name !== undefined);
  if (name === undefined) throw new AccessError(`${paths}: current-context is not set`);
  const context = find(files, 'contexts', name, paths).content;
  const cluster = find(files, 'clusters', textIn(context, 'cluster') ?? '', paths);
  const userName = textIn(context, 'user');
  const user = userName === undefined ? undefined : find(files, 'users', userName, paths);
  const plugin = user && isMap(user.content.exec) ? pluginOf(user, environment) : undefined;
  return {
    server: serverOf(cluster.content, paths),
    tls: await tlsOf(cluster, user, plugin),
    credentials: plugin?.credentials ?? (user === undefined ? noCredentials : await credentialsOf(user)),
    warnings: insecure(cluster.content)
      ? [`${paths}: insecure-skip-tls-verify is set: whoever gets in between can pose as the API server`]
      : [],
  };
}

async function readKubeconfig(path: string): Promise<Entry> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new AccessError(`the kubeconfig can't be read: ${messageOf(error)}`, error);
  }
  try {
    const content: unknown = parse(text);
    if (isMap(content)) return { content, directory: dirname(resolve(path)) };
  } catch (error) {
    throw new AccessError(`${path}: ${messageOf(error)}`, error);
  }
  throw new AccessError(`${path} is no kubeconfig`);
}

/** Lists of a kubeconfig hold maps of a name and `cluster`, `user` or `context`. */
function find(files: readonly Entry[], section: Section, name: string, paths: string): Entry {
  const field = section.slice(0, -1);
  for (const { content, directory } of files) {
    const entry = listIn(content, section).find((entry) => isMap(entry) && entry.name === name);
    if (entry !== undefined) return { content: mapIn(entry, field), directory };
  }
  throw new AccessError(`${paths}: there is no ${field} '${name}'`);
}

function serverOf(cluster: Native, paths: string): string {
  const server = textIn(cluster, 'server');
  if (server === undefined || !URL.canParse(server))
    throw new AccessError(`${paths}: server '${server ?? ''}' is no URL`);
  if (textIn(cluster, 'proxy-url') !== undefined)
    throw new AccessError(`${paths}: proxy-url is not supported; reach the API server directly`);
  return server.replace(/\/+$/, '');
}

function insecure(cluster: Native): boolean {
  return cluster['insecure-skip-tls-verify'] === true;
}

async function tlsOf(cluster: Entry, user: Entry | undefined, plugin: ExecPlugin | undefined): Promise<TlsOptions> {
  const ca = await dataOrFile(cluster, 'certificate-authority');
  const given = plugin === undefined ? undefined : await plugin.current();
  const cert = given?.cert ?? (user && (await dataOrFile(user, 'client-certificate')));
  const key = given?.key ?? (user && (await dataOrFile(user, 'client-key')));
  const servername = textIn(cluster.content, 'tls-server-name');
  return {
    rejectUnauthorized: !insecure(cluster.content),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
  };
}

async function dataOrFile({ content, directory }: Entry, field: string): Promise<Buffer | undefined> {
  const data = textIn(content, `${field}-data`);
  if (data !== undefined) return Buffer.from(data, 'base64');
  const path = textIn(content, field);
  if (path === undefined) return undefined;
  try {
    return await readFile(resolve(directory, path));
  } catch (error) {
    throw new AccessError(`${field} can't be read: ${messageOf(error)}`, error);
  }
}

async function credentialsOf({ content, directory }: Entry): Promise<Credentials> {
  const file = textIn(content, 'tokenFile');
  if (file !== undefined) return tokenFileCredentials(resolve(directory, file));
  const token = textIn(content, 'token');
  if (token !== undefined) return tokenCredentials(token);
  const [user, password] = [textIn(content, 'username'), textIn(content, 'password')];
  if (user !== undefined && password !== undefined) return basicCredentials(user, password);
  if (isMap(content['auth-provider']))
    throw new AccessError('auth-provider of a kubeconfig is not supported (Kubernetes has removed it); use exec');
  return noCredentials;
}

function pluginOf({ content, directory }: Entry, environment: Environment): ExecPlugin {
  return execPlugin(mapIn(content, 'exec'), { directory, environment });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
