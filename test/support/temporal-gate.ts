import http2, { type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { generate } from 'selfsigned';

export interface GateOptions {
  /** The server behind the gate, which speaks neither TLS nor asks for keys. */
  readonly upstream: string;
  /** Default: no TLS. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** Calls without this key are answered UNAUTHENTICATED, quoting what they sent, as careless servers do. */
  readonly apiKey?: string;
  /** Calls of the operator service are answered PERMISSION_DENIED, as in Temporal Cloud. */
  readonly withoutOperator?: boolean;
}

export interface Gate {
  readonly port: number;
  /** Headers of the calls that came, by the method's name. */
  readonly seen: ReadonlyMap<string, IncomingHttpHeaders>;
  close(): Promise<void>;
}

/** In front of a Temporal server without TLS and keys: what stands before it in production, passing each call on over HTTP/2. */
export async function startGate(options: GateOptions): Promise<Gate> {
  const { tls, upstream } = options;
  const server =
    tls === undefined
      ? http2.createServer()
      : http2.createSecureServer({
          cert: tls.cert,
          key: tls.key,
          ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
        });
  const seen = new Map<string, IncomingHttpHeaders>();
  const sessions = new Set<http2.Http2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
  });
  server.on('sessionError', () => undefined);
  const behind = http2.connect(`http://${upstream}`);
  behind.on('error', () => undefined);
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const path = headers[':path'] ?? '';
    seen.set(path.split('/').at(-1) ?? '', headers);
    stream.on('error', () => undefined);
    const shown = headers.authorization;
    if (options.apiKey !== undefined && shown !== `Bearer ${options.apiKey}`) {
      refuse(stream, 16, `Request unauthorized: ${shown ?? 'no key'}`);
    } else if (options.withoutOperator === true && path.includes('OperatorService')) {
      refuse(stream, 7, 'Request unauthorized.');
    } else passOn(behind, stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close: async () => {
      for (const session of sessions) session.destroy();
      behind.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuse(stream: ServerHttp2Stream, status: number, message: string): void {
  const answer = { 'grpc-status': String(status), 'grpc-message': encodeURI(message) };
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...answer }, { endStream: true });
}

function passOn(behind: http2.ClientHttp2Session, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const { ':authority': _, ...passed } = headers;
  const call = behind.request({ ...passed, ':scheme': 'http' });
  call.on('error', () => stream.close());
  call.on('response', (answer) => {
    if (stream.destroyed) return;
    const { ':status': status, ...rest } = answer;
    // A refusal is all in one.
    if (rest['grpc-status'] !== undefined) {
      stream.respond({ ':status': status, ...rest }, { endStream: true });
      return;
    }
    stream.respond({ ':status': status, ...rest }, { waitForTrailers: true });
    let trailers: http2.IncomingHttpHeaders = {};
    call.on('trailers', (last) => (trailers = last));
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    call.pipe(stream);
  });
  stream.on('close', () => call.close());
  stream.pipe(call);
}

export interface Certificates {
  /** Signed the other two. */
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

/** An authority of one's own, with a certificate of a server named so and one of a client. */
export async function certificatesFor(serverName: string): Promise<Certificates> {
  const strong = { keyType: 'ec' as const, algorithm: 'sha256' };
  const ca = await generate([{ name: 'commonName', value: 'test authority' }], {
    ...strong,
    extensions: [{ name: 'basicConstraints', cA: true, critical: true }],
  });
  const signedBy = { key: ca.private, cert: ca.cert };
  const of = async (name: string) => {
    const extensions = [{ name: 'subjectAltName' as const, altNames: [{ type: 2 as const, value: name }] }];
    const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
      ...strong,
      ca: signedBy,
      extensions,
    });
    return { cert, key };
  };
  return { ca: ca.cert, server: await of(serverName), client: await of('a client') };
}
