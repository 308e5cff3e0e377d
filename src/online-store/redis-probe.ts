import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type AsofError, DefinitionError, StoreUnavailableError } from '../errors.js';
import { redisFailure } from './redis-errors.js';
import type { RedisAddress, RedisTarget } from './redis-settings.js';

type Found = 'speaks Redis' | 'speaks TLS' | 'closes' | 'is silent' | Error;

const probeMaxMs = 300;

/**
 * Why no connection came about, where the driver only says that it was closed or that time is up.
 * @returns nothing when looking at the port tells no more.
 */
export async function findObstacle({ where, nodes, tls }: RedisTarget): Promise<AsofError | undefined> {
  const [first] = nodes;
  if (first === undefined) return undefined;
  const plain = await probe(first);
  // A server of TLS hangs up on anything else, but so do others.
  const found = plain === 'closes' && (await takesTls(first)) ? 'speaks TLS' : plain;
  if (found instanceof Error) return redisFailure(found, where);
  if (tls !== undefined && found === 'speaks Redis') {
    return new DefinitionError('TLS is on, and the port does not speak it', {
      where,
      mend: 'write redis:// (or leave onlineStore.tls out), or take the port that speaks TLS',
    });
  }
  if (tls === undefined && found === 'speaks TLS') {
    return new DefinitionError('the server speaks TLS, and TLS is off', {
      where,
      mend: 'write rediss://, or set onlineStore.tls',
    });
  }
  if (tls !== undefined && found === 'speaks TLS') {
    return new StoreUnavailableError('the server broke the TLS handshake off', {
      where,
      mend: 'where it asks for a certificate of ours, set onlineStore.tls.cert and onlineStore.tls.key; its log says why',
    });
  }
  return undefined;
}

/** Sends a PING without TLS. */
function probe({ host, port }: RedisAddress): Promise<Found> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (found: Found): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(found);
    };
    let isConnected = false;
    const timer = setTimeout(
      () => end(isConnected ? 'is silent' : new Error(`connect ETIMEDOUT ${host}:${port}`)),
      probeMaxMs,
    );
    socket.once('connect', () => {
      isConnected = true;
      socket.write('PING\r\n');
    });
    // A reply or an error of Redis; else an alert of TLS.
    socket.once('data', ([byte]) =>
      end(byte === 0x2b || byte === 0x2d ? 'speaks Redis' : byte === 0x15 ? 'speaks TLS' : 'closes'),
    );
    socket.once('error', (error) => end(isConnected ? 'closes' : error));
    socket.once('close', () => end('closes'));
  });
}

function takesTls({ host, port }: RedisAddress): Promise<boolean> {
  return new Promise((resolve) => {
    // Only whether there is a handshake: nothing is sent, so it does not matter with whom.
    const socket = connectTls({ host, port, rejectUnauthorized: false });
    const end = (does: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(does);
    };
    const timer = setTimeout(() => end(false), probeMaxMs);
    socket.once('secureConnect', () => end(true));
    socket.once('error', (error) => end(/alert/.test(error.message)));
    socket.once('close', () => end(false));
  });
}
