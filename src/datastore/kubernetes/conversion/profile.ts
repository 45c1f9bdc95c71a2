import { type Conversion, calicoVersion } from './conversion.js';
import { mapIn, type Native, present, textIn, textsIn } from './native.js';
import { reverseUid } from './reverse-uid.js';

const nameLabel = 'projectcalico.org/name';

export function namespaceProfileName(namespace: string): string {
  return `kns.${namespace}`;
}

export function serviceAccountProfileName(namespace: string, name: string): string {
  return `ksa.${namespace}.${name}`;
}

/** What a profile was made from; undefined for one that no namespace or service account makes. */
export function profileOrigin(
  profile: string,
): { readonly namespace: string; readonly serviceAccount?: string } | undefined {
  if (profile.startsWith('kns.')) return { namespace: profile.slice(4) };
  // The name of a namespace has no dots, that of a service account may.
  const [, namespace, serviceAccount] = /^ksa\.([^.]+)\.(.+)$/.exec(profile) ?? [];
  return namespace === undefined || serviceAccount === undefined ? undefined : { namespace, serviceAccount };
}

/** The profile of a namespace: its pods have its labels, and may do all that no policy restricts. */
export function namespaceToProfile(namespace: Native): Conversion {
  const name = textIn(mapIn(namespace, 'metadata'), 'name') ?? '';
  const rules = { ingress: [{ action: 'Allow' }], egress: [{ action: 'Allow' }] };
  return profile(namespace, namespaceProfileName(name), 'pcns.', name, rules);
}

/** The profile of a service account: its pods have its labels. */
export function serviceAccountToProfile(serviceAccount: Native): Conversion {
  const metadata = mapIn(serviceAccount, 'metadata');
  const name = textIn(metadata, 'name') ?? '';
  return profile(
    serviceAccount,
    serviceAccountProfileName(textIn(metadata, 'namespace') ?? 'default', name),
    'pcsa.',
    name,
    {},
  );
}

function profile(object: Native, name: string, prefix: string, ownName: string, rules: Native): Conversion {
  const metadata = mapIn(object, 'metadata');
  const labels = Object.entries(textsIn(metadata, 'labels')).map(([key, value]) => [prefix + key, value]);
  const uid = textIn(metadata, 'uid');
  const value = {
    apiVersion: calicoVersion,
    kind: 'Profile',
    metadata: present({
      name,
      uid: uid === undefined ? undefined : reverseUid(uid),
      creationTimestamp: textIn(metadata, 'creationTimestamp'),
    }),
    spec: { ...rules, labelsToApply: { ...Object.fromEntries(labels), [prefix + nameLabel]: ownName } },
  };
  return { is: 'object', key: { kind: 'Profile', name }, value, warnings: [] };
}
