import { type ClientHttp2Stream, constants, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { StringDecoder } from 'node:string_decoder';
import { parsedJson } from '../conversion/native.js';
import { type ApiError, apiError, UnreachableError } from './api-error.js';
import type { ClusterAccess } from './cluster-access.js';
import { listParser } from './list-parser.js';
import { type Connected, type SessionListener, type SessionTimes, sessions } from './sessions.js';
import { unlessAborted } from './unless-aborted.js';

export interface ClientTimes extends SessionTimes {
  /** An answer, or the next part of it, must come within so many ms. */
  readonly answerMs: number;
}

export const defaultClientTimes: ClientTimes = { connectMs: 10_000, pingMs: 10_000, pongMs: 5000, answerMs: 30_000 };

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** From `/api` or `/apis` on. */
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/**
 * An API server of Kubernetes. Requests reject with `ApiError` for an answer that is not a good one, with `UnreachableError` or
 * `AccessError` if there is none, and with the reason of the signal.
 */
export interface ApiClient {
  /** The answer, parsed. */
  request(request: ApiRequest): Promise<unknown>;
  /** The objects of a list as they come; at the end the list without them. */
  list(request: ApiRequest): AsyncGenerator<readonly unknown[], unknown>;
  /** Resolves when the watch has begun: with what comes in one piece, parsed; it ends when the server ends it. */
  watch(request: ApiRequest): Promise<AsyncGenerator<readonly unknown[], void>>;
  /** Resolves when there is a connection. */
  connect(): Promise<void>;
  close(): Promise<void>;
}

export interface ClientOptions {
  readonly access: () => Promise<ClusterAccess>;
  readonly userAgent: string;
  readonly times?: ClientTimes;
  readonly listener?: SessionListener;
}

interface Answer {
  readonly stream: ClientHttp2Stream;
  readonly headers: IncomingHttpHeaders;
}

const {
  HTTP2_HEADER_METHOD,
  HTTP2_HEADER_PATH,
  HTTP2_HEADER_STATUS,
  NGHTTP2_CANCEL,
  NGHTTP2_NO_ERROR,
  NGHTTP2_REFUSED_STREAM,
} = constants;

export function apiClient(options: ClientOptions): ApiClient {
  const { userAgent, times = defaultClientTimes } = options;
  const listener = options.listener ?? { connected: () => undefined, lost: () => undefined };
  const connection = sessions(options.access, times, listener);

  /** With the answer's headers. A server that is about to end sends requests elsewhere. */
  async function send(request: ApiRequest): Promise<Answer> {
    try {
      return await sendOnce(request);
    } catch (error) {
      if (!(error instanceof UnreachableError && error.notProcessed)) throw error;
      return sendOnce(request);
    }
  }

  /** Another token is tried at once if the server refuses this one. */
  async function sendOnce(request: ApiRequest): Promise<Answer> {
    const connected = await unlessAborted(connection.open(), request.signal);
    const { credentials } = connected.access;
    const authorization = await unlessAborted(credentials.authorization(), request.signal);
    const answer = await exchange(connected, request, authorization);
    if (statusOf(answer) !== 401) return answer;
    credentials.refused();
    const other = await unlessAborted(credentials.authorization(), request.signal);
    if (other === authorization) return answer;
    answer.stream.close(NGHTTP2_CANCEL);
    return exchange(connected, request, other);
  }

  async function exchange(
    { session, access }: Connected,
    request: ApiRequest,
    authorization: string | undefined,
  ): Promise<Answer> {
    const { method = 'GET', body, signal } = request;
    signal?.throwIfAborted();
    const headers: OutgoingHttpHeaders = {
      [HTTP2_HEADER_METHOD]: method,
      [HTTP2_HEADER_PATH]: `${new URL(access.server).pathname.replace(/\/$/, '')}${target(request)}`,
      accept: 'application/json',
      'user-agent': userAgent,
      ...(authorization === undefined ? {} : { authorization }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    let stream: ClientHttp2Stream;
    try {
      stream = session.request(headers, { endStream: body === undefined });
    } catch (error) {
      throw broken(request, error, true);
    }
    // Whoever reads it is told of errors; so is nobody, when nobody reads it any more.
    stream.on('error', () => undefined);
    stream.setTimeout(times.answerMs, () => stream.destroy(new Error(`no answer within ${times.answerMs / 1000} s`)));
    const abort = (): void => stream.close(NGHTTP2_CANCEL);
    signal?.addEventListener('abort', abort, { once: true });
    stream.once('close', () => signal?.removeEventListener('abort', abort));
    if (body !== undefined) stream.end(JSON.stringify(body));
    return { stream, headers: await responseHeaders(stream, request) };
  }

  async function goodAnswer(request: ApiRequest): Promise<Answer> {
    const answer = await send(request);
    const status = statusOf(answer);
    if (status < 200 || status > 299) throw await badAnswer(answer, request);
    return answer;
  }

  return {
    async request(request) {
      const { stream } = await goodAnswer(request);
      const body = parsedJson((await wholeBody(stream, request)).toString('utf8'));
      if (body === undefined) throw noJson(request);
      return body;
    },
    async *list(request) {
      const { stream } = await goodAnswer(request);
      const parser = listParser();
      try {
        for await (const chunk of chunksOf(stream, request)) yield parser.push(chunk);
        return parser.end();
      } catch (error) {
        throw error instanceof SyntaxError ? noJson(request) : error;
      }
    },
    async watch(request) {
      const answer = await goodAnswer(request);
      // Pings find a server that has stopped; that nothing happens is no sign of it.
      answer.stream.setTimeout(0);
      return pieces(answer.stream, request);
    },
    async connect() {
      await connection.open();
    },
    close: () => connection.close(),
  };
}

function target({ path, query = {} }: ApiRequest): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) parameters.set(key, String(value));
  return parameters.size === 0 ? path : `${path}?${parameters}`;
}

function responseHeaders(stream: ClientHttp2Stream, request: ApiRequest): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    const fail = (error?: unknown): void => reject(failure(request, error, stream.rstCode === NGHTTP2_REFUSED_STREAM));
    stream.once('response', resolve);
    stream.once('error', fail);
    stream.once('close', () => fail());
  });
}

/** What comes of an answer. One that breaks off is an error; Node ends it like any other. */
async function* chunksOf(stream: ClientHttp2Stream, request: ApiRequest): AsyncGenerator<Buffer, void> {
  try {
    yield* stream;
  } catch (error) {
    throw failure(request, error);
  }
  if (stream.aborted || stream.rstCode !== NGHTTP2_NO_ERROR) throw failure(request, undefined);
}

async function wholeBody(stream: ClientHttp2Stream, request: ApiRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(stream, request)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function badAnswer(answer: Answer, request: ApiRequest): Promise<ApiError> {
  const text = (await wholeBody(answer.stream, request)).toString('utf8');
  const after = answer.headers['retry-after'];
  return apiError(
    what(request),
    statusOf(answer),
    parsedJson(text) ?? text,
    typeof after === 'string' ? after : undefined,
  );
}

function noJson(request: ApiRequest): ApiError {
  return apiError(what(request), 200, 'the answer is no JSON');
}

/** Each line is a document in JSON. */
async function* pieces(stream: ClientHttp2Stream, request: ApiRequest): AsyncGenerator<readonly unknown[], void> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  try {
    for await (const chunk of chunksOf(stream, request)) {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      const parsed = lines.filter((line) => line !== '').map(parsedJson);
      if (parsed.length > 0) yield parsed;
    }
  } finally {
    stream.close(NGHTTP2_CANCEL);
  }
}

function statusOf({ headers }: Answer): number {
  return Number(headers[HTTP2_HEADER_STATUS]);
}

function what({ method = 'GET', path }: ApiRequest): string {
  return `${method} ${path}`;
}

/** The reason of the signal, if that is why. */
function failure(request: ApiRequest, error: unknown, notProcessed = false): unknown {
  return request.signal?.aborted ? request.signal.reason : broken(request, error, notProcessed);
}

function broken(request: ApiRequest, error: unknown, notProcessed = false): UnreachableError {
  const message = error instanceof Error ? error.message : 'the connection ended';
  return new UnreachableError(`${what(request)}: ${message}`, error, notProcessed);
}
