import type { Command } from 'commander';
import { action, describeCommand, type GlobalOptions } from './command.js';
import { aborted, interruptSignal } from './interrupt.js';
import { countOption } from './option-values.js';
import { printJson } from './output.js';

interface CodecServerFlags {
  readonly host: string;
  readonly port: string;
  readonly uiOrigin: readonly string[];
}

export function registerCodecServer(program: Command): void {
  describeCommand(
    program
      .command('codec-server')
      .description('let the Web UI and the CLI of Temporal show encrypted payloads to those who may see them')
      .option('--host <address>', 'where to listen; beyond this machine ASOF_CODEC_TOKEN must be set', '127.0.0.1')
      .option('--port <n>', '0 = a free one', '8888')
      .option(
        '--ui-origin <origin>',
        'a Web UI whose pages may ask, as the browser shows it; may be repeated',
        (origin: string, before: readonly string[]) => [...before, origin],
        [],
      ),
    'asof codec-server --ui-origin http://localhost:8233',
  ).action(action(codecServer));
}

async function codecServer(options: GlobalOptions, { host, port, uiOrigin }: CodecServerFlags): Promise<undefined> {
  const signal = interruptSignal();
  const [{ startCodecServer }, { payloadKeys }] = await Promise.all([
    import('../temporal/codec-server.js'),
    import('../temporal/payload-keys.js'),
  ]);
  const keys = payloadKeys();
  const server = await startCodecServer({
    host,
    port: countOption('--port', port) ?? 0,
    uiOrigins: uiOrigin,
    token: process.env['ASOF_CODEC_TOKEN'] || undefined,
    keys,
  });
  if (options.json) printJson({ url: server.url, uiOrigins: uiOrigin, keys: [...keys.byId.keys()] });
  else {
    console.log(`Codec server at ${server.url}, keys ${[...keys.byId.keys()].join(', ')}; Ctrl-C stops.`);
    if (uiOrigin.length === 0)
      console.log('No Web UI may ask; allow one with --ui-origin, e.g. http://localhost:8233.');
  }
  await aborted(signal);
  await server.close();
}
