/** The value of a key of etcd. Undefined: it is not JSON. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch (error) {
    // Anybody may have written anything there; what it means is for the caller to decide.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
