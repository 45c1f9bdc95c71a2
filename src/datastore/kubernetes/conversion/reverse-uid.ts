const uuid = /^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/;

/**
 * The uid that Calico gives to an object made from another one: all bits of each byte in reverse, except in the two bytes that
 * hold version and variant. It is its own inverse. What is no UUID stays as it is.
 */
export function reverseUid(uid: string): string {
  if (!uuid.test(uid)) return uid;
  const bytes = Buffer.from(uid.replaceAll('-', ''), 'hex');
  for (const [index, byte] of bytes.entries()) if (index !== 6 && index !== 8) bytes[index] = reversedBits(byte);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function reversedBits(byte: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) reversed |= ((byte >> bit) & 1) << (7 - bit);
  return reversed;
}
