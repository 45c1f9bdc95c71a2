import { parseCidr } from '../../../resources/address.js';
import type { Issue } from '../../../resources/resource.js';
import { conversionIssue } from './conversion.js';
import { listIn, mapIn, type Native, textIn, textsIn } from './native.js';

/** The addresses of a pod as networks of one address each, or what is wrong with one of them. */
export type PodAddresses =
  | { readonly networks: readonly string[]; readonly issues?: undefined }
  | { readonly networks?: undefined; readonly issues: readonly Issue[] };

const podIP = 'cni.projectcalico.org/podIP';
const podIPs = 'cni.projectcalico.org/podIPs';
const awsPodIPs = 'vpc.amazonaws.com/pod-ips';

/** Where they stand first counts: the status, then Calico's annotations, which its CNI plugin writes before the kubelet the status. */
export function podAddresses(pod: Native): PodAddresses {
  const texts = addressTexts(pod);
  const networks: string[] = [];
  for (const text of texts) {
    const cidr = parseCidr(text);
    if (cidr === undefined) return { issues: [conversionIssue(['status', 'podIPs'], `'${text}' is no IP address`)] };
    networks.push(`${addressOf(text)}/${cidr.family === 4 ? 32 : 128}`);
  }
  return { networks };
}

/** It has run, or Calico's CNI plugin has taken its addresses away: they may be another pod's by now. */
export function isFinished(pod: Native): boolean {
  const phase = textIn(mapIn(pod, 'status'), 'phase') ?? '';
  if (['Succeeded', 'Failed', 'Completed'].includes(phase)) return true;
  const metadata = mapIn(pod, 'metadata');
  const annotations = textsIn(metadata, 'annotations');
  const isDeleted = textIn(metadata, 'deletionTimestamp') !== undefined;
  return isDeleted && (annotations[podIP] === '' || annotations[awsPodIPs] === '');
}

function addressTexts(pod: Native): readonly string[] {
  const status = mapIn(pod, 'status');
  const annotations = textsIn(mapIn(pod, 'metadata'), 'annotations');
  const inStatus = listIn(status, 'podIPs').flatMap((entry) => textIn(entry, 'ip') ?? []);
  if (inStatus.length > 0) return inStatus;
  const single = textIn(status, 'podIP');
  if (single !== undefined) return [single];
  return (
    [podIPs, podIP, awsPodIPs]
      .flatMap((key) => annotations[key] || [])
      .at(0)
      ?.split(',') ?? []
  );
}

/** The address itself, canonical, whatever the length that an annotation gives. */
function addressOf(text: string): string {
  const bare = text.split('/', 1)[0] ?? text;
  return parseCidr(bare)?.address ?? bare;
}
