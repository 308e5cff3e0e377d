import { lookup } from 'node:dns/promises';
import net from 'node:net';
import tls from 'node:tls';
import type { TemporalService } from './service.js';

/** What stands between this process and a service, as far as one can see before the first request. */
export type Obstacle =
  | { readonly kind: 'address'; readonly detail: string }
  | { readonly kind: 'unknown host' | 'refused' | 'no answer' | 'speaks TLS' | 'speaks no TLS' }
  /** `detail`: OpenSSL's words. */
  | { readonly kind: 'certificate' | 'client certificate' | 'wrong name'; readonly detail: string };

/** How long each step may take. */
const stepMs = 3_000;

/** How HTTP/2 begins, with empty settings: every server answers it. */
const http2Greeting = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

/**
 * Finds out why a service can't be reached, by the network alone: both kinds of connections of the SDK tell it in words of their
 * own, or not at all. `undefined`: the way is free.
 */
export async function findObstacle({ address, connection }: TemporalService): Promise<Obstacle | undefined> {
  const place = hostAndPort(address);
  if (place === undefined) return { kind: 'address', detail: 'it is no host:port' };
  const { host, port } = place;
  try {
    await lookup(host);
  } catch {
    return { kind: 'unknown host' };
  }
  const plain = await connectPlain(host, port);
  if (plain !== undefined) return plain;
  const settings = typeof connection.tls === 'object' ? connection.tls : undefined;
  const secured =
    settings !== undefined || connection.tls === true || (connection.tls !== false && Boolean(connection.apiKey));
  if (!secured) {
    const unchecked = await handshake({ host, port, rejectUnauthorized: false });
    // One that asks for a client's certificate speaks TLS as well.
    return unchecked === undefined || unchecked.kind === 'client certificate' ? { kind: 'speaks TLS' } : undefined;
  }
  return handshake({
    host,
    port,
    servername: settings?.serverNameOverride ?? (net.isIP(host) === 0 ? host : ''),
    ...(settings?.serverNameOverride === undefined
      ? {}
      : {
          checkServerIdentity: (_: string, certificate: tls.PeerCertificate) =>
            tls.checkServerIdentity(settings.serverNameOverride ?? host, certificate),
        }),
    ...(settings?.serverRootCACertificate ? { ca: Buffer.from(settings.serverRootCACertificate) } : {}),
    ...(settings?.clientCertPair
      ? { cert: Buffer.from(settings.clientCertPair.crt), key: Buffer.from(settings.clientCertPair.key) }
      : {}),
  });
}

function hostAndPort(address: string): { host: string; port: number } | undefined {
  try {
    // The port of Temporal where none is given, as the SDK takes it.
    const { hostname, port, pathname } = new URL(`temporal://${address}`);
    if (hostname === '' || pathname !== '') return undefined;
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 7233) };
  } catch {
    return undefined;
  }
}

function connectPlain(host: string, port: number): Promise<Obstacle | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: stepMs });
    const end = (obstacle?: Obstacle): void => {
      socket.destroy();
      resolve(obstacle);
    };
    socket.once('connect', () => end());
    socket.once('timeout', () => end({ kind: 'no answer' }));
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      end({ kind: code === 'ECONNREFUSED' ? 'refused' : 'no answer' }),
    );
  });
}

function handshake(options: tls.ConnectionOptions): Promise<Obstacle | undefined> {
  return new Promise((resolve) => {
    let socket: tls.TLSSocket;
    const end = (obstacle?: Obstacle): void => {
      socket?.destroy();
      resolve(obstacle);
    };
    try {
      socket = tls.connect({ ...options, ALPNProtocols: ['h2'], timeout: stepMs });
    } catch (error) {
      // A certificate or key that OpenSSL can't read.
      end({ kind: 'client certificate', detail: (error as Error).message });
      return;
    }
    let secured = false;
    // A server that refuses a client's certificate under TLS 1.3 says so only after the handshake, or just hangs up.
    socket.once('secureConnect', () => {
      secured = true;
      socket.write(http2Greeting);
      socket.once('data', () => end());
      socket.once('close', () => end(hungUp));
    });
    socket.once('timeout', () => end(secured ? undefined : { kind: 'speaks no TLS' }));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const gone = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      end(secured && gone ? hungUp : obstacleOf(error));
    });
  });
}

const hungUp: Obstacle = { kind: 'client certificate', detail: 'it hung up after the handshake' };

/** OpenSSL's names of what a server says about the certificate of a client. */
const clientCertificateCodes =
  /ALERT_(CERTIFICATE_|BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)|CERTIFICATE_REQUIRED|DECRYPT_ERROR/;

/** What comes back when TLS is spoken to something else. */
const plainCodes = /WRONG_VERSION_NUMBER|EPROTO|PACKET_LENGTH|ECONNRESET|HTTP_REQUEST|RECORD/;

function obstacleOf({ code = '', message }: NodeJS.ErrnoException): Obstacle {
  const detail = message.split('\n')[0] ?? '';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return { kind: 'wrong name', detail };
  if (clientCertificateCodes.test(code)) return { kind: 'client certificate', detail };
  if (plainCodes.test(code)) return { kind: 'speaks no TLS' };
  return { kind: 'certificate', detail };
}
