import { isOlder, OLDEST_NFT } from '../nft/nft-version.js';
import type { Check, Finding } from './finding.js';

const OLDEST_KERNEL = '5.10';

/** The kernel, nft, and the other commands that the daemon runs. */
export const kernel: Check = (facts) => {
  const { kernelRelease, nftVersion, ipAvailable, conntrackAvailable, features } = facts;
  const findings: Omit<Finding, 'topic'>[] = [];
  if (isOlder(kernelRelease, OLDEST_KERNEL))
    findings.push({
      result: 'warning',
      message: `Linux ${kernelRelease} is older than ${OLDEST_KERNEL}`,
      advice: 'upgrade the kernel, or expect that it refuses some policies',
    });
  else findings.push({ result: 'ok', message: `Linux ${kernelRelease}` });
  findings.push(nftFinding(nftVersion));
  if (!ipAvailable)
    findings.push({
      result: 'problem',
      message: 'the command ip is missing',
      advice: 'install iproute2: without it the interfaces are not known',
    });
  if (!conntrackAvailable)
    findings.push({
      result: 'warning',
      message: 'the command conntrack is missing',
      advice: 'install conntrack on nodes with workloads: it ends the connections of workloads that go',
    });
  for (const [feature, refusal] of features ?? [])
    if (refusal !== undefined)
      findings.push({
        result: 'problem',
        message: `${feature}: refused (${refusal})`,
        advice: 'load the kernel module, or use a kernel that has it',
      });
  if (features && [...features.values()].every((refusal) => refusal === undefined))
    findings.push({ result: 'ok', message: `nf_tables takes ${[...features.keys()].join(', ')}` });
  return findings;
};

function nftFinding(version: string | undefined): Omit<Finding, 'topic'> {
  if (version === undefined)
    return { result: 'problem', message: 'the command nft is missing', advice: 'install nftables' };
  if (isOlder(version, OLDEST_NFT))
    return {
      result: 'problem',
      message: `nft ${version} is older than ${OLDEST_NFT}`,
      advice: 'upgrade nftables',
    };
  return { result: 'ok', message: `nft ${version}` };
}
