import { rm } from 'node:fs/promises';
import { type ApiClient, apiClient } from '../../src/datastore/kubernetes/client/api-client.js';
import type { ClusterAccess } from '../../src/datastore/kubernetes/client/cluster-access.js';
import { tokenCredentials } from '../../src/datastore/kubernetes/client/credentials.js';
import { type Certificates, makeCertificates } from './certificates.js';
import { type FaultyLink, faultyLink } from './faulty-link.js';

/** An API server for tests, real or not, with a way to it that can fail. */
export interface World extends Server {
  readonly certificates: Certificates;
  readonly link: FaultyLink;
  /** May do everything, and does not go by the link. */
  readonly admin: ApiClient;
  /** By the link: `agent` may do what docs/kubernetes/rbac.yaml says, `admin` everything, `stranger` nothing. */
  access(user: 'agent' | 'admin' | 'stranger'): ClusterAccess;
  close(): Promise<void>;
}

export interface Server {
  readonly port: number;
  /** The agent may not read the resource, until the function that it resolves with is called. */
  forbid(resource: string): Promise<() => Promise<void>>;
  /** It ends without a word, and comes back with the same data but no memory of what happened to them. */
  restart(whileDown?: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** User, and the token that proves it. */
export const tokens = { agent: 'agent-token', admin: 'admin-token' } as const;

export async function makeWorld(start: (certificates: Certificates) => Promise<Server>): Promise<World> {
  const certificates = await makeCertificates();
  const removeCertificates = (): Promise<void> => rm(certificates.directory, { recursive: true, force: true });
  const server = await start(certificates).catch(async (error: unknown) => {
    await removeCertificates();
    throw error;
  });
  const link = await faultyLink(() => server.port);
  const accessAt = (port: number, token: string): ClusterAccess => ({
    server: `https://127.0.0.1:${port}`,
    tls: { ca: certificates.ca, rejectUnauthorized: true },
    credentials: tokenCredentials(token),
    warnings: [],
  });
  const admin = apiClient({ access: async () => accessAt(server.port, tokens.admin), userAgent: 'margay-tests' });
  return {
    ...server,
    certificates,
    link,
    admin,
    access: (user) => accessAt(link.port, user === 'stranger' ? 'nobody-knows-it' : tokens[user]),
    async close() {
      await admin.close();
      await link.close();
      await server.close();
      await removeCertificates();
    },
  };
}
