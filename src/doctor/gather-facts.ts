import { nftVersion } from '../nft/nft-version.js';
import type { BootFacts, Facts, ForeignChain, PolicyFacts, ServiceFacts } from './finding.js';

export interface CommandOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** All that is asked of the host; nothing of it changes anything. */
export interface Host {
  readonly kernelRelease: string;
  /** Undefined: there is no such command. */
  run(argv: readonly [string, ...string[]], input?: string): Promise<CommandOutcome | undefined>;
  /** Undefined: it can't be read. */
  read(path: string): Promise<string | undefined>;
  now(): Date;
}

/** What Margay itself knows. */
export interface OwnFacts {
  readonly boot: BootFacts;
  readonly savedAt: Date | undefined;
  readonly daemon: ServiceFacts['daemon'];
  readonly policy: PolicyFacts | { readonly unknown: string };
  /** Scripts for `nft --check`, by what they need. */
  readonly featureScripts: Readonly<Record<string, string>>;
}

const SYSCTLS = [
  'net.ipv4.ip_forward',
  'net.ipv6.conf.all.forwarding',
  'net.ipv4.conf.all.rp_filter',
  'net.bridge.bridge-nf-call-iptables',
  'net.netfilter.nf_conntrack_count',
  'net.netfilter.nf_conntrack_max',
];

/** Everything that the checks look at. */
export async function gatherFacts(host: Host, own: OwnFacts): Promise<Facts> {
  const output = async (...argv: [string, ...string[]]) => {
    const outcome = await host.run(argv);
    return outcome?.exitCode === 0 ? outcome.stdout.trim() : undefined;
  };
  const [nft, ip, conntrack] = await Promise.all([
    output('nft', '--version'),
    output('ip', '-V'),
    host.run(['conntrack', '--version']),
  ]);
  const chains = parseChains(await output('nft', '-j', 'list', 'chains'));
  return {
    kernelRelease: host.kernelRelease,
    nftVersion: nft === undefined ? undefined : nftVersion(nft),
    ipAvailable: ip !== undefined,
    conntrackAvailable: conntrack !== undefined,
    features: chains && (await checkFeatures(host, own.featureScripts)),
    chains,
    legacyTables: await legacyTables(host),
    capabilities: await effectiveCapabilities(host),
    now: host.now(),
    clockSynchronized: yesOrNo(await output('timedatectl', 'show', '-p', 'NTPSynchronized', '--value')),
    savedAt: own.savedAt,
    sysctls: await readSysctls(host),
    service: { ...(await serviceState(host)), daemon: own.daemon },
    boot: own.boot,
    sshPorts: (await listeningPorts(output)) ?? configuredPorts(await output('sshd', '-T')),
    policy: own.policy,
  };
}

function parseChains(json: string | undefined): readonly ForeignChain[] | undefined {
  if (json === undefined) return undefined;
  const listing: unknown = JSON.parse(json);
  if (!isRecord(listing) || !Array.isArray(listing.nftables)) return undefined;
  return listing.nftables.flatMap((entry: unknown) => {
    const chain = isRecord(entry) ? entry.chain : undefined;
    if (!isRecord(chain)) return [];
    const text = (key: string) => (typeof chain[key] === 'string' ? chain[key] : undefined);
    const [family = '', table = '', name = ''] = ['family', 'table', 'name'].map(text);
    const prio = typeof chain.prio === 'number' ? chain.prio : undefined;
    return [{ family, table, name, type: text('type'), hook: text('hook'), prio, policy: text('policy') }];
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

async function checkFeatures(host: Host, scripts: Readonly<Record<string, string>>) {
  const features = new Map<string, string | undefined>();
  for (const [feature, script] of Object.entries(scripts)) {
    const outcome = await host.run(['nft', '--check', '-f', '-'], script);
    features.set(feature, outcome?.exitCode === 0 ? undefined : firstLine(outcome?.stderr ?? 'nft is missing'));
  }
  return features;
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}

async function legacyTables(host: Host): Promise<string[]> {
  const texts = await Promise.all(['ip', 'ip6'].map((family) => host.read(`/proc/net/${family}_tables_names`)));
  return [...new Set(texts.flatMap((text) => text?.split('\n').filter((name) => name !== '') ?? []))];
}

async function effectiveCapabilities(host: Host): Promise<bigint | undefined> {
  const [, hex] = /^CapEff:\s*([0-9a-f]+)$/m.exec((await host.read('/proc/self/status')) ?? '') ?? [];
  return hex === undefined ? undefined : BigInt(`0x${hex}`);
}

async function readSysctls(host: Host): Promise<ReadonlyMap<string, string>> {
  const values = new Map<string, string>();
  for (const name of SYSCTLS) {
    const text = await host.read(`/proc/sys/${name.replaceAll('.', '/')}`);
    if (text !== undefined) values.set(name, text.trim());
  }
  return values;
}

async function serviceState(host: Host): Promise<Omit<ServiceFacts, 'daemon'>> {
  const ask = async (verb: string) =>
    (await host.run(['systemctl', verb, 'margay.service']))?.stdout.trim() || undefined;
  return { enabled: await ask('is-enabled'), active: await ask('is-active') };
}

function yesOrNo(text: string | undefined): boolean | undefined {
  return text === 'yes' ? true : text === 'no' ? false : undefined;
}

async function listeningPorts(
  output: (...argv: [string, ...string[]]) => Promise<string | undefined>,
): Promise<readonly number[] | undefined> {
  const lines = (await output('ss', '-H', '-ltnp'))?.split('\n') ?? [];
  const sshd = lines.filter((line) => /\(\("sshd"/.test(line));
  return ports(sshd.map((line) => /^\S+\s+\d+\s+\d+\s+\S+:(\d+)\s/.exec(line)?.[1]));
}

function configuredPorts(configuration: string | undefined): readonly number[] | undefined {
  return ports([...(configuration ?? '').matchAll(/^port (\d+)$/gm)].map(([, port]) => port));
}

function ports(texts: readonly (string | undefined)[]): readonly number[] | undefined {
  const numbers = new Set(texts.flatMap((text) => (text === undefined ? [] : [Number(text)])));
  return numbers.size > 0 ? [...numbers].sort((a, b) => a - b) : undefined;
}
