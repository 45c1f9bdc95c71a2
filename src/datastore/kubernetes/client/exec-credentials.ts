import { execa } from 'execa';
import { isMap } from '../../../resources/normalise.js';
import { listIn, mapIn, type Native, parsedJson, textIn, textListIn } from '../conversion/native.js';
import { AccessError, type Credentials } from './cluster-access.js';

export interface ExecCredential {
  readonly token?: string;
  /** PEM. */
  readonly cert?: string;
  readonly key?: string;
  /** In ms since 1970; undefined: it does not expire. */
  readonly expires?: number;
}

/** A program that gives out credentials, as the `exec` of a kubeconfig names one. */
export interface ExecPlugin {
  /** What it gave last, unless that has expired or was refused. */
  current(): Promise<ExecCredential>;
  readonly credentials: Credentials;
}

export interface ExecOptions {
  /** Where a relative path of the command starts. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** It has to answer in so many ms. */
const TIMEOUT_MS = 60_000;
/** Replaced so many ms before it expires. */
const EARLY_MS = 30_000;

export function execPlugin(exec: Native, options: ExecOptions): ExecPlugin {
  let last: Promise<ExecCredential> | undefined;
  let expires = Number.POSITIVE_INFINITY;

  async function current(): Promise<ExecCredential> {
    if (last === undefined || Date.now() > expires - EARLY_MS) {
      last = runPlugin(exec, options);
      expires = Number.POSITIVE_INFINITY;
      last.then(
        (credential) => {
          expires = credential.expires ?? Number.POSITIVE_INFINITY;
        },
        // Who waits for it is told; the next one runs it again.
        () => {
          last = undefined;
        },
      );
    }
    return last;
  }

  return {
    current,
    credentials: {
      async authorization() {
        const { token } = await current();
        return token === undefined ? undefined : `Bearer ${token}`;
      },
      refused() {
        last = undefined;
      },
    },
  };
}

async function runPlugin(exec: Native, { directory, environment }: ExecOptions): Promise<ExecCredential> {
  const command = textIn(exec, 'command') ?? '';
  const apiVersion = textIn(exec, 'apiVersion') ?? 'client.authentication.k8s.io/v1';
  const info = { apiVersion, kind: 'ExecCredential', spec: { interactive: false } };
  const own = listIn(exec, 'env').map((entry) => [textIn(entry, 'name') ?? '', textIn(entry, 'value') ?? '']);
  const file = command.includes('/') && !command.startsWith('/') ? `${directory}/${command}` : command;
  const env = { ...environment, ...Object.fromEntries(own), KUBERNETES_EXEC_INFO: JSON.stringify(info) };
  try {
    const { stdout } = await execa(file, textListIn(exec, 'args'), { env, extendEnv: false, timeout: TIMEOUT_MS });
    return readCredential(stdout, command);
  } catch (error) {
    if (error instanceof AccessError) throw error;
    const hint = textIn(exec, 'installHint');
    const message = error instanceof Error && 'shortMessage' in error ? String(error.shortMessage) : String(error);
    throw new AccessError(`the credential plugin failed: ${message}${hint === undefined ? '' : ` (${hint})`}`, error);
  }
}

function readCredential(output: string, command: string): ExecCredential {
  const answer = parsedJson(output);
  if (!isMap(answer)) throw new AccessError(`the credential plugin ${command} did not print an ExecCredential in JSON`);
  const status = mapIn(answer, 'status');
  const token = textIn(status, 'token');
  const cert = textIn(status, 'clientCertificateData');
  const key = textIn(status, 'clientKeyData');
  if (token === undefined && (cert === undefined || key === undefined))
    throw new AccessError(`the credential plugin ${command} gave neither a token nor a certificate with its key`);
  const time = Date.parse(textIn(status, 'expirationTimestamp') ?? '');
  return {
    ...(token === undefined ? {} : { token }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(Number.isNaN(time) ? {} : { expires: time }),
  };
}
