import { limits } from '../config.js';
import { type AsofError, DefinitionError, StoreUnavailableError } from '../errors.js';

export interface PostRequest {
  /** Names the receiver in errors: its address may be a secret, and is never shown beyond its host. */
  readonly where: string;
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** How one try ended. */
export type Posted =
  | { readonly delivered: true; readonly status: number; readonly host: string }
  | { readonly delivered: false; readonly error: AsofError; readonly retryAfterMs?: number | undefined };

/**
 * Sends JSON once. Redirects are not followed: they could lead anywhere, with what is in the message.
 * @returns with a DefinitionError where another try can't help, with a StoreUnavailableError where it may.
 */
export async function post(request: PostRequest): Promise<Posted> {
  const { where, headers, body, timeoutMs = limits.notificationAnswerMaxMs } = request;
  const url = parse(request.address);
  if (typeof url === 'string') return final(where, `its address ${url}`, 'give one like https://example.com/hook');
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = request.signal === undefined ? timeout : AbortSignal.any([request.signal, timeout]);
  const { host } = url;
  try {
    const answer = await fetch(withoutUser(url), {
      method: 'POST',
      redirect: 'manual',
      signal,
      headers: { 'content-type': 'application/json', 'user-agent': 'asof', ...authorization(url), ...headers },
      body,
    });
    if (answer.ok) {
      // Told it is, whatever becomes of the rest of the answer.
      await answer.body?.cancel().catch(() => undefined);
      return { delivered: true, status: answer.status, host };
    }
    return refused(where, host, answer, await word(answer, request.address));
  } catch (error) {
    const reason = code(error);
    if (reason === 'bad port') return final(where, `${host} can't be reached: its port is never used for HTTP`);
    const what = timeout.aborted ? `did not answer within ${timeoutMs / 1_000} s` : `can't be reached: ${reason}`;
    return {
      delivered: false,
      error: new StoreUnavailableError(`${host} ${what}`, { where, mend: 'see that it runs' }),
    };
  }
}

/** @returns what is wrong with an address, without showing it. */
function parse(address: string): URL | string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined) return 'is no URL';
  return ['http:', 'https:'].includes(url.protocol) ? url : `begins with ${url.protocol}`;
}

const final = (where: string, what: string, mend = 'check its address'): Posted => ({
  delivered: false,
  error: new DefinitionError(what, { where, mend }),
});

/** Asked to wait, or in trouble of its own. */
const mayHelp = (status: number): boolean => [408, 425, 429].includes(status) || status >= 500;

function refused(where: string, host: string, answer: Response, said: string): Posted {
  const { status } = answer;
  const what = `${host} answered ${status}${said}`;
  if (mayHelp(status)) {
    const error = new StoreUnavailableError(what, { where, mend: 'see how it is there' });
    return { delivered: false, error, retryAfterMs: retryAfter(answer.headers.get('retry-after')) };
  }
  if (status >= 300 && status < 400) return final(where, `${what}: it sends elsewhere`, 'give the address it leads to');
  return final(where, what, 'check its address and what it takes');
}

/** Seconds or a date; never longer than the limit, nor so short that a receiver in trouble hears of nothing else. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms)
    ? undefined
    : Math.min(Math.max(limits.notificationRetryAfterMinMs, ms), limits.notificationRetryAfterMaxMs);
}

/**
 * The reason as Slack gives it, e.g. `invalid_blocks`: one short word, and nothing else of an answer is shown, because pages of
 * errors like to repeat the address.
 */
async function word(answer: Response, address: string): Promise<string> {
  const text = (await beginning(answer)).trim();
  return /^[a-z][a-z_]{2,39}$/.test(text) && !address.includes(text) ? ` (${text})` : '';
}

async function beginning({ body }: Response): Promise<string> {
  if (body === null) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop cancels what is still to come.
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= limits.notificationAnswerBytesMax) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, limits.notificationAnswerBytesMax);
}

/** fetch takes no user and password in an address, and would show them in its error. */
function withoutUser(url: URL): URL {
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  return plain;
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const decoded = [username, password].map((part) =>
    part.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  );
  return { authorization: `Basic ${Buffer.from(decoded.join(':'), 'latin1').toString('base64')}` };
}

/** `ECONNREFUSED`; messages of the network are not shown, they name addresses. */
function code(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (inner instanceof AggregateError) inner = inner.errors[0];
  if (inner instanceof Error && inner.message === 'bad port') return 'bad port';
  const known = (inner as { code?: unknown } | undefined)?.code;
  return typeof known === 'string' ? known : 'the connection broke';
}
