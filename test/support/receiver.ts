import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Received {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answer = number | ((response: ServerResponse) => void);

/** A real HTTP server that keeps what it gets. */
export interface Receiver {
  readonly url: string;
  readonly port: number;
  /** What came so far to a path, oldest first. */
  at(path: string): Received[];
  /** What the next requests to a path are answered, in turn; the last one from then on. Default: 200. */
  answer(path: string, ...answers: Answer[]): void;
  close(): Promise<void>;
}

/** @param port default: any that is free. */
export async function startReceiver(port = 0): Promise<Receiver> {
  const received: Received[] = [];
  const answers = new Map<string, Answer[]>();
  const sockets = new Set<Socket>();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const path = request.url ?? '';
    received.push({ method: request.method, path, headers: request.headers, body });
    const left = answers.get(path) ?? [200];
    const next = (left.length > 1 ? left.shift() : left[0]) ?? 200;
    if (typeof next === 'number') response.writeHead(next).end();
    else next(response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    at: (path) => received.filter((one) => one.path === path),
    answer: (path, ...given) => void answers.set(path, given),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
