import { createHash, timingSafeEqual } from 'node:crypto';
import net from 'node:net';
import cors from '@fastify/cors';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { AsofError, DefinitionError, describeError } from '../index.js';
import { EncryptionCodec } from './encryption-codec.js';
import type { PayloadKeys } from './payload-keys.js';

export interface CodecServerOptions {
  readonly host: string;
  /** 0 = a free one. */
  readonly port: number;
  /** Origins of Web UIs, e.g. `http://localhost:8233`: only their pages may ask from a browser. */
  readonly uiOrigins: readonly string[];
  /** Who asks must show it as `Authorization: Bearer <token>`; must be there when others than this machine can ask. */
  readonly token?: string | undefined;
  readonly keys: PayloadKeys;
}

export interface CodecServer {
  /** `http://host:port` */
  readonly url: string;
  /** Answers what was asked, then ends. */
  close(): Promise<void>;
}

/** More than any history page holds: one payload has 2 MiB at most, in base64 a third more. */
const bodyBytesMax = 8 * 1024 * 1024;
const tokenCharactersMin = 16;

interface JsonPayload {
  readonly metadata?: Readonly<Record<string, string>> | null;
  readonly data?: string | null;
}

/** Temporal's protocol: payloads as protobuf writes them in JSON, all bytes in base64. */
const bodySchema = {
  type: 'object',
  required: ['payloads'],
  properties: {
    payloads: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          metadata: { type: 'object', nullable: true, additionalProperties: { type: 'string' } },
          data: { type: 'string', nullable: true },
        },
      },
    },
  },
} as const;

/**
 * Decrypts and encrypts payloads for Temporal's Web UI and command line tools, which send them here instead of holding the keys:
 * POST /decode and /encode, also below a namespace (`/default/decode`).
 * @throws DefinitionError when there is no key, others could ask without a token, or the address can't be used.
 */
export async function startCodecServer(options: CodecServerOptions): Promise<CodecServer> {
  check(options);
  const { host, port, uiOrigins, keys } = options;
  const codec = new EncryptionCodec(keys);
  const app = fastify({ bodyLimit: bodyBytesMax });
  answerErrors(app);
  await app.register(cors, {
    origin: [...uiOrigins],
    methods: ['POST'],
    allowedHeaders: ['content-type', 'x-namespace', 'authorization', 'authorization-extras'],
    maxAge: 600,
  });
  app.addHook('onRequest', async (request) => refuseStrangers(request, options));
  for (const [name, work] of [
    ['decode', (payloads) => codec.decode(payloads)],
    ['encode', (payloads) => codec.encode(payloads)],
  ] as const satisfies readonly [string, EncryptionCodec['decode']][]) {
    for (const path of [`/${name}`, `/:namespace/${name}`]) {
      app.post<{ Body: { payloads: JsonPayload[] } }>(path, { schema: { body: bodySchema } }, async ({ body }) => ({
        payloads: (await work(body.payloads.map(fromJson))).map(toJson),
      }));
    }
  }
  try {
    return { url: await app.listen({ host, port }), close: () => app.close() };
  } catch (error) {
    await app.close();
    throw new DefinitionError(`the codec server can't listen at ${host}:${port}: ${(error as Error).message}`, {
      mend: 'give a free --port, and a --host of this machine',
    });
  }
}

function check({ host, uiOrigins, token, keys }: CodecServerOptions): void {
  if (keys.byId.size === 0) {
    throw new DefinitionError('there is no key to decrypt with', {
      mend: 'set ASOF_PAYLOAD_KEY, and ASOF_PAYLOAD_OLD_KEYS where older payloads are still around',
    });
  }
  if (token === undefined && !isLoopback(host)) {
    throw new DefinitionError(`at ${host} everybody who reaches this machine could read payloads`, {
      mend: 'set ASOF_CODEC_TOKEN to what they must show, or leave --host out: then only this machine can ask',
    });
  }
  if (token !== undefined && token.length < tokenCharactersMin) {
    throw new DefinitionError(`the token of the codec server has fewer than ${tokenCharactersMin} characters`, {
      where: 'ASOF_CODEC_TOKEN',
      mend: 'make one with: openssl rand -hex 24',
    });
  }
  for (const origin of uiOrigins) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
    throw new DefinitionError(`--ui-origin ${JSON.stringify(origin)} is no origin`, {
      mend: 'write scheme, host and port as the browser shows them, without a path, e.g. http://localhost:8233',
    });
  }
}

/** A refused request, with its HTTP status. */
class Refusal extends Error {
  constructor(
    readonly statusCode: 401 | 403,
    message: string,
  ) {
    super(message);
  }
}

function refuseStrangers({ headers, hostname }: FastifyRequest, { uiOrigins, token }: CodecServerOptions): void {
  if (headers.origin !== undefined && !uiOrigins.includes(headers.origin)) {
    throw new Refusal(403, `pages of ${headers.origin} may not ask; start with --ui-origin ${headers.origin}`);
  }
  if (token === undefined) {
    // A page can point a name of its own at this machine, and would then count as the server's own.
    if (!isLoopback(hostname.replace(/:\d+$/, ''))) throw new Refusal(403, 'ask for 127.0.0.1 or localhost');
    return;
  }
  const shown = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
  // Of the same length whatever was shown: the comparison takes the same time.
  if (!timingSafeEqual(digest(shown), digest(token)))
    throw new Refusal(401, 'show the token: Authorization: Bearer <token>');
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Messages only: what is wrong for mistakes of the one who asks, nothing of the inside for others. */
function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler((error, _request, reply) => {
    const { statusCode = 500, message } = error as { statusCode?: number; message: string };
    if (error instanceof AsofError) return reply.code(400).send({ message: describeError(error) });
    if (statusCode < 500) return reply.code(statusCode).send({ message });
    console.error(`codec server: ${message}`);
    return reply.code(500).send({ message: 'the codec server failed; its output says more' });
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ message: 'POST to /decode or /encode' }));
}

function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '');
  return bare === 'localhost' || bare === '::1' || (net.isIPv4(bare) && bare.startsWith('127.'));
}

const fromJson = ({ metadata, data }: JsonPayload) => ({
  metadata: Object.fromEntries(
    Object.entries(metadata ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]),
  ),
  data: Buffer.from(data ?? '', 'base64'),
});

const toJson = ({ metadata, data }: { metadata?: Record<string, Uint8Array> | null; data?: Uint8Array | null }) => ({
  metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([key, value]) => [key, base64(value)])),
  data: base64(data ?? new Uint8Array()),
});

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
