/** An answer of the fake API server that is not what was asked for. */
export class FakeStatus extends Error {
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    readonly extra: Readonly<Record<string, unknown>> = {},
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

export function statusBody({ code, reason, message, extra, retryAfter }: FakeStatus): Record<string, unknown> {
  const details = retryAfter === undefined ? {} : { details: { retryAfterSeconds: retryAfter } };
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    code,
    ...details,
    ...extra,
  };
}

export function notFound(plural: string, name: string): FakeStatus {
  return new FakeStatus(404, 'NotFound', `${plural} "${name}" not found`, { details: { kind: plural, name } });
}

export function tooOld(message: string): FakeStatus {
  return new FakeStatus(410, 'Expired', message);
}
