import { isMap } from '../../../resources/normalise.js';
import { mapIn, numberIn, textIn } from '../conversion/native.js';

/** The API server answered, but not with what was asked for. */
export class ApiError extends Error {
  /** As of HTTP. */
  readonly code: number;
  /** Kubernetes' word for it: `NotFound`, `Expired`, `Conflict`. */
  readonly reason: string;
  /** When to come back, as the server says. */
  readonly retryAfterMs: number | undefined;
  /** The plural and the name of the object that it is about; none for what the server does not know at all. */
  readonly subject: { readonly plural: string; readonly name: string } | undefined;

  constructor(code: number, reason: string, message: string, details: Pick<ApiError, 'retryAfterMs' | 'subject'>) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.reason = reason;
    this.retryAfterMs = details.retryAfterMs;
    this.subject = details.subject;
  }
}

/** The API server can't be reached, or stopped answering. */
export class UnreachableError extends Error {
  /** The server has certainly not looked at the request: on another connection it may. */
  readonly notProcessed: boolean;

  constructor(message: string, cause?: unknown, notProcessed = false) {
    super(message, cause === undefined ? {} : { cause });
    this.name = 'UnreachableError';
    this.notProcessed = notProcessed;
  }
}

const words: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Gone',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/**
 * An error from a Status of Kubernetes, or from whatever else came with the code. `what` was asked for: `GET /api/v1/pods`.
 */
export function apiError(what: string, code: number, body: unknown, retryAfter?: string): ApiError {
  const status = isMap(body) ? body : {};
  const reason = textIn(status, 'reason') ?? words[code] ?? 'Unknown';
  const told = textIn(status, 'message') ?? (typeof body === 'string' ? body.trim().slice(0, 200) : '');
  const message = `${what}: ${code} ${reason}${told === '' ? '' : `: ${told}`}`;
  const details = mapIn(status, 'details');
  const seconds = numberIn(details, 'retryAfterSeconds') ?? secondsOf(retryAfter);
  const [plural, name] = [textIn(details, 'kind'), textIn(details, 'name')];
  return new ApiError(code, reason, message, {
    retryAfterMs: seconds === undefined ? undefined : seconds * 1000,
    subject: plural === undefined || name === undefined ? undefined : { plural, name },
  });
}

/** What a list, or a watch from a resourceVersion, is too old for: list again. */
export function isExpired(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 410 || error.reason === 'Expired' || error.reason === 'Gone');
}

/** Nothing is wrong with the request: the same may succeed later. */
export function isTransient(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 429 || error.code >= 500);
}

function secondsOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}
