import { type TextCheck, within } from './field.js';

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const oneLabel = new RegExp(`^${label}$`);
const twoLabels = new RegExp(`^${label}(\\.${label})?$`);
const subdomain = new RegExp(`^${label}(\\.${label})*$`);
const generatedPolicy = /^(?:knp|ossg)\.default\.(.*)$/s;
const qualifiedNamePart = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

const isSubdomain = (name: string): boolean => subdomain.test(name);

function matching(pattern: RegExp, description: string): TextCheck {
  return (name) => (pattern.test(name) ? undefined : `name '${name}' must consist of ${description}`);
}

/** V-NAME without the limit of length, for names inside of a spec. */
export const nameProblem: TextCheck = matching(
  subdomain,
  "lower case alphanumeric characters, '-' or '.', and each part between dots must begin and end alphanumerically",
);

/** V-NAME: the name of a resource. */
export const resourceNameProblem: TextCheck = within(253, nameProblem);

/** V-NAME-TIER. */
export const tierNameProblem: TextCheck = within(
  63,
  matching(oneLabel, "lower case alphanumeric characters or '-', and begin and end alphanumerically"),
);

/** V-NAME-GNP. */
export const globalPolicyNameProblem: TextCheck = within(
  253,
  matching(
    twoLabels,
    "lower case alphanumeric characters or '-', with at most one '.', and each part must begin and end alphanumerically",
  ),
);

/** V-NAME-NP: also the names that Calico's controllers give to policies that they copy from Kubernetes and OpenStack. */
export const policyNameProblem: TextCheck = (name) => {
  const generated = generatedPolicy.exec(name)?.[1];
  if (generated !== undefined && name.length <= 253 && isSubdomain(generated)) return undefined;
  return globalPolicyNameProblem(name);
};

/** A key of labels or annotations: `[prefix/]name`. */
export function qualifiedNameProblem(key: string): string | undefined {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  if (prefix !== undefined && (prefix.length > 253 || !isSubdomain(prefix)))
    return `key '${key}': the prefix before '/' must be a DNS subdomain`;
  if (name.length > 63) return `key '${key}': the name must be no more than 63 characters`;
  if (qualifiedNamePart.test(name)) return undefined;
  return `key '${key}': the name must consist of alphanumeric characters, '-', '_' or '.', and begin and end alphanumerically`;
}

/** The value of a label; it may be empty. */
export function labelValueProblem(value: string): string | undefined {
  if (value.length > 63) return `value '${value}' must be no more than 63 characters`;
  if (value === '' || qualifiedNamePart.test(value)) return undefined;
  return `value '${value}' must consist of alphanumeric characters, '-', '_' or '.', and begin and end alphanumerically`;
}

/** V-IFACE: the name of an interface, or `*`. */
export const interfaceNameProblem: TextCheck = (name) =>
  name === '*' || /^[a-zA-Z0-9_.-]{1,15}$/.test(name)
    ? undefined
    : `interface name '${name}' must be 1 to 15 letters, digits, '_', '.' or '-', or '*'`;

/** V-CID. */
export const containerIdProblem: TextCheck = (id) =>
  /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/.test(id)
    ? undefined
    : `container id '${id}' must consist of letters, digits and inner dashes`;

/** V-MAC: EUI-48, EUI-64 or the 20 octets of InfiniBand, in the forms that Go parses. */
export const macProblem: TextCheck = (mac) => {
  const octets = /^[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2}(?:\1[0-9a-fA-F]{2})*)$/.test(mac)
    ? (mac.length + 1) / 3
    : /^[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4})*$/.test(mac)
      ? ((mac.length + 1) / 5) * 2
      : /^[0-9a-fA-F]+$/.test(mac)
        ? mac.length / 2
        : 0;
  return [6, 8, 20].includes(octets) ? undefined : `'${mac}' is no MAC address`;
};
