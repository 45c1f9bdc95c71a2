import { resolveSrv } from 'node:dns/promises';
import { type AccessFiles, readAccess } from '../../datastore/etcd/access.js';
import { discoverEndpoints } from '../../datastore/etcd/discover-endpoints.js';
import type { Endpoint } from '../../datastore/etcd/endpoint.js';
import type { EtcdClientOptions } from '../../datastore/etcd/etcd-client.js';
import type { Environment } from './environment.js';
import { etcdEnvironment } from './etcd-environment.js';
import { type DatastoreSetting, parseEndpoints } from './settings-datastore.js';
import { SettingsError, type SettingsIssue } from './settings-error.js';
import type { Settings } from './settings-table.js';

export type EtcdSettings = Pick<Settings, 'etcdCa' | 'etcdCert' | 'etcdKey' | 'etcdUser' | 'etcdPasswordFile'>;

/** How to reach etcd: its endpoints, and what it is shown. Throws a SettingsError if that does not go together. */
export function etcdSettings(
  { endpoints }: Extract<DatastoreSetting, { type: 'etcd' }>,
  settings: EtcdSettings,
  environment: Environment,
): Pick<EtcdClientOptions, 'endpoints' | 'access'> {
  const files: AccessFiles = {
    caFile: settings.etcdCa,
    certFile: settings.etcdCert,
    keyFile: settings.etcdKey,
    user: settings.etcdUser,
    passwordFile: settings.etcdPasswordFile,
    password: etcdEnvironment(environment, 'password'),
  };
  const issues = incomplete(files);
  if (issues.length > 0) throw new SettingsError(issues);
  const known = endpoints.length > 0 ? async () => endpoints : endpointsOf(environment);
  return { endpoints: known, access: () => readAccess(files) };
}

function incomplete({ certFile, keyFile, user, passwordFile, password }: AccessFiles): SettingsIssue[] {
  const issues: SettingsIssue[] = [];
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const missing = certFile === undefined ? '--etcd-cert' : '--etcd-key';
    issues.push({
      source: missing,
      message: 'a client certificate and its key belong together, and this one is missing',
    });
  }
  const hasPassword = passwordFile !== undefined || password !== undefined;
  if (user !== undefined && !hasPassword)
    issues.push({ source: '--etcd-password-file', message: `the password of user ${user} is missing` });
  if (user === undefined && hasPassword)
    issues.push({ source: '--etcd-user', message: 'there is a password, and no user that it belongs to' });
  return issues;
}

/** Looked up in DNS for each connection, if so they are found. */
function endpointsOf(environment: Environment): () => Promise<readonly Endpoint[]> {
  const list = etcdEnvironment(environment, 'endpoints');
  const domain = etcdEnvironment(environment, 'discoverySrv');
  if (list !== undefined && domain !== undefined)
    throw problem('ETCD_DISCOVERY_SRV', 'ETCD_ENDPOINTS names endpoints already: only one of the two can count');
  if (domain !== undefined) return () => discoverEndpoints(domain, resolveSrv);
  const parsed = parseEndpoints(list ?? '');
  if (!parsed.ok) throw problem('ETCD_ENDPOINTS', parsed.message);
  const { value } = parsed;
  if (value.length === 0)
    throw problem('--datastore', 'etcd: names no endpoint, and neither does ETCD_ENDPOINTS: write etcd:URL[,URL...]');
  return async () => value;
}

function problem(source: string, message: string): SettingsError {
  return new SettingsError([{ source, message }]);
}
