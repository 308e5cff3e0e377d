import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runCli } from '../support/cli.js';

interface Service {
  readonly image: string;
  readonly restart?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
}

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const composeText = read('docker-compose.yml');
const compose = parse(composeText, { schema: 'failsafe', merge: true }) as unknown as {
  services: Record<string, Service>;
  volumes: Record<string, null>;
  networks: Record<string, null>;
};
const services = Object.entries(compose.services);
const dockerfile = read('Dockerfile');
const { version } = JSON.parse(read('package.json')) as { version: string };

/** Services that end when their work is done; the others run until they are stopped. */
const oneShots = services.filter(([, { restart }]) => restart !== 'unless-stopped').map(([name]) => name);
const ofAsof = services.filter(([, { image }]) => image.startsWith('asof:'));
/** A whole version, e.g. `postgres:17.11-bookworm`. */
const pinned = /^[a-z][a-z/-]*:\d+\.\d+(\.\d+)?(-[a-z]+)*$/;

/** The commands of asof that a service runs, its healthcheck included. */
function commandsOf({ command = [], healthcheck }: Service): string[][] {
  const scripts = command.filter((word) => word.includes('\n')).flatMap((text) => text.trim().split('\n'));
  const lines = scripts.map((line) => line.split(' '));
  const check = healthcheck?.test ?? [];
  return [...(lines.length > 0 ? lines : [['asof', ...command]]), ...(check[1] === 'asof' ? [check.slice(1)] : [])];
}

describe('docker-compose.yml', () => {
  it('has what asof runs on', () => {
    const images = services.map(([, { image }]) => image.replace(/:.*/, ''));
    for (const image of ['postgres', 'redis', 'apache/kafka', 'temporalio/server', 'temporalio/ui', 'asof'])
      expect(images).toContain(image);
    expect(oneShots).toEqual(['temporal-schema', 'temporal-namespace', 'setup']);
  });

  it.each(services)('pins the image of %s', (_, { image }) => {
    expect(image).toMatch(pinned);
    if (image.startsWith('asof:')) expect(image).toBe(`asof:${version}`);
  });

  it.each(services.filter(([name]) => !oneShots.includes(name)))('restarts %s and checks its health', (_, service) => {
    expect(service.healthcheck?.test.length).toBeGreaterThan(1);
    expect(service.networks).toEqual(['asof']);
  });

  it.each(oneShots)('tries %s again a few times, and somebody waits for its end', (name) => {
    const { restart, healthcheck } = compose.services[name] as Service;
    expect(restart).toMatch(/^on-failure:\d+$/);
    expect(healthcheck).toBeUndefined();
    expect(services.some(([, { depends_on: needs }]) => needs?.[name] !== undefined)).toBe(true);
  });

  it('waits for health of what runs and for the end of what ends', () => {
    const needs = services.flatMap(([name, service]) =>
      Object.entries(service.depends_on ?? {}).map(([other, { condition }]) => ({ name, other, condition })),
    );
    expect(needs.length).toBeGreaterThan(8);
    for (const { name, other, condition } of needs) {
      const wanted = oneShots.includes(other) ? 'service_completed_successfully' : 'service_healthy';
      expect([name, other, compose.services[other] !== undefined, condition]).toEqual([name, other, true, wanted]);
    }
  });

  it('opens ports to this machine only, and keeps data in volumes that are declared', () => {
    for (const port of services.flatMap(([, { ports = [] }]) => ports)) expect(port).toMatch(/^127\.0\.0\.1:/);
    const used = services
      .flatMap(([, { volumes = [] }]) => volumes)
      .map((volume) => volume.split(':')[0] ?? '')
      .filter((name) => !name.startsWith('./'));
    expect([...new Set(used)].sort()).toEqual(Object.keys(compose.volumes).sort());
    expect(Object.keys(compose.networks)).toEqual(['asof']);
  });

  it('takes every secret from the environment, and requires the passwords', () => {
    const given = services.flatMap(([, { environment = {} }]) => Object.entries(environment));
    const secrets = given.filter(([name]) => /PASSWORD|PWD|TOKEN|_KEY|AUTH/.test(name));
    expect(secrets.length).toBeGreaterThan(8);
    for (const [name, value] of secrets)
      expect([name, value]).toEqual([name, expect.stringMatching(/^\$\{\w+:[-?].*\}$/)]);
    const inUrls = given.flatMap(([, value]) =>
      [...value.matchAll(/:\/\/[^/@:]*:(\$\{[^}]*\}|[^/@]+)@/g)].map(([, secret]) => secret),
    );
    expect(inUrls.length).toBeGreaterThan(5);
    for (const secret of inUrls) expect(secret).toMatch(/^\$\{ASOF_\w+_PASSWORD:\?set it in \.env\}$/);
    for (const [whole, name] of composeText.matchAll(/\$\{(\w+_PASSWORD)[^}]*\}/g))
      expect(whole).toBe(`\${${name}:?set it in .env}`);
  });

  it('reads from .env what .env.example has, where no secret stands', () => {
    const example = Object.fromEntries([...read('.env.example').matchAll(/^(\w+)=(.*)$/gm)].map(([, k, v]) => [k, v]));
    const wanted = [...composeText.matchAll(/(?<!\$)\$\{(\w+)(?::-([^}]*))?/g)];
    expect(Object.keys(example).sort()).toEqual([...new Set(wanted.map(([, name]) => name))].sort());
    for (const [, name = '', fallback = ''] of wanted) expect([name, example[name]]).toEqual([name, fallback]);
    expect(read('.gitignore').split('\n')).toContain('.env');
  });

  it.each(ofAsof.flatMap(([name, service]) => commandsOf(service).map((words) => [name, words.join(' ')] as const)))(
    '%s runs a command that is there: %s',
    async (_, line) => {
      const [program, ...words] = line.split(' ');
      expect(program).toBe('asof');
      const first = words.findIndex((word) => word.startsWith('-'));
      const command = first < 0 ? words : words.slice(0, first);
      const help = await runCli([...command, '--help'], { cwd: root });
      expect(help.stderr).toBe('');
      expect(help.stdout).toContain(`Usage: asof ${command.join(' ')} `);
      for (const option of words.filter((word) => word.startsWith('--'))) expect(help.stdout).toContain(`${option} `);
    },
  );

  it('gives the worker each variable that the definitions read, and none that nobody reads', () => {
    const { environment = {} } = compose.services['worker'] as Service;
    const definitions = readdirSync(path.join(root, 'feature_repo')).map((file) => read(`feature_repo/${file}`));
    const asked = definitions.flatMap((text) => [...text.matchAll(/'(ASOF_\w+)'/g)].map(([, name]) => name));
    expect(asked).toContain('ASOF_CATALOG_URL');
    expect(Object.keys(environment)).toEqual(expect.arrayContaining(asked));
    const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(path.join('src', file)));
    const isRead = (name: string) =>
      // Temporal's own variables are read by its configuration package.
      name.startsWith('TEMPORAL_') || asked.includes(name) || sources.some((text) => text.includes(`'${name}'`));
    expect(Object.keys(environment).filter((name) => !isRead(name))).toEqual([]);
  });
});

describe('the Dockerfile', () => {
  const lines = dockerfile.split('\n').filter((line) => !line.startsWith('#'));
  const copies = lines
    .filter((line) => line.startsWith('COPY ') && !line.startsWith('COPY --from'))
    .flatMap((line) => line.split(' ').slice(1, -1));

  it('starts from one pinned image and ends as a user who is not root', () => {
    const images = lines.filter((line) => line.startsWith('FROM ')).map((line) => line.split(' ')[1] ?? '');
    expect(new Set(images).size).toBe(1);
    expect(images[0]).toMatch(pinned);
    expect(lines.filter((line) => line.startsWith('USER '))).toEqual(['USER node']);
    expect(lines).toContain('ENTRYPOINT ["asof"]');
  });

  it('copies what is there and what .dockerignore lets through', () => {
    expect(copies.length).toBeGreaterThan(8);
    expect(copies.filter((source) => !existsSync(path.join(root, source)))).toEqual([]);
    const ignore = read('.dockerignore').split('\n');
    expect(ignore).toContain('*');
    const admitted = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    expect(admitted.sort()).toEqual([...new Set(copies)].sort());
  });

  it('brings all that the package is', () => {
    const { files } = JSON.parse(read('package.json')) as { files: string[] };
    // What is built comes from the first stage.
    expect([...copies, 'dist']).toEqual(expect.arrayContaining(files));
  });

  it('fetches the DuckDB extensions by a function that is there', async () => {
    const [, file = '', name = ''] =
      /import\('\/app\/dist\/(.*)\.js'\)\.then\(\(t\) => t\.(\w+)\(/.exec(dockerfile) ?? [];
    const module = (await import(path.join(root, `${file}.ts`))) as Record<string, unknown>;
    expect(typeof module[name]).toBe('function');
  });
});
