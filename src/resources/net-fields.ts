import { type Family, parseAddress, parseCidr } from './address.js';
import { type TextCheck, text } from './field.js';

const addressProblem: TextCheck = (value) =>
  parseAddress(value) === undefined
    ? `'${value}' is no IP address; write it like 10.0.0.1 or fd00::1, without a mask`
    : undefined;

/** An IP address without a mask (V-IP). */
export function address(code: string) {
  return text(code, addressProblem);
}

/** An IP address of one family; an IPv4-mapped address counts as IPv4. */
export function addressOf(family: Family, code: string) {
  return text(code, (value) =>
    parseAddress(value)?.family === family ? undefined : `'${value}' is no IPv${family} address without a mask`,
  );
}

/** A network of one family or a bare address, host bits allowed. */
export function cidrOf(family: Family, code: string) {
  return text(code, (value) =>
    parseCidr(value)?.family === family ? undefined : `'${value}' is no IPv${family} address or network`,
  );
}

/** A network or a bare address, host bits allowed (V-CIDR). */
export function cidr(code: string) {
  return text(code, (value) =>
    parseCidr(value) === undefined
      ? `'${value}' is no network or address; write it like 10.0.0.0/8 or fd00::/8`
      : undefined,
  );
}

/** As `cidr`, also an empty string, which Calico takes and keeps; it stands for nothing. */
export function cidrOrEmpty(code: string) {
  return text(code, (value) =>
    value === '' || parseCidr(value) !== undefined
      ? undefined
      : `'${value}' is no network or address; write it like 10.0.0.0/8 or fd00::/8`,
  );
}

/** A network whose host bits are zero, or a bare address (V-NET). */
export function exactNet(code: string) {
  return text(code, (value) => {
    const parsed = parseCidr(value);
    if (parsed === undefined) return `'${value}' is no network or address`;
    return parsed.exact
      ? undefined
      : `'${value}' has bits beyond its prefix length; write ${parsed.address}/${parsed.length}`;
  });
}
