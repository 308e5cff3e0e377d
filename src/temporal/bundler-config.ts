import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BundleOptions } from '@temporalio/worker';
import { ownFolder } from '../project-code/index.js';
import type { BundleFaults } from './bundle-faults.js';

type Configuration = Parameters<NonNullable<BundleOptions['webpackConfigHook']>>[0];

const require = createRequire(import.meta.url);
const ending = path.extname(fileURLToPath(import.meta.url));

/** What `asof/workflow` is. */
export const workflowApi = fileURLToPath(new URL(`../../workflows/lib/index${ending}`, import.meta.url));

/**
 * The SDK's configuration of its bundler, so that a project's workflows find what they import wherever the project lies: asof's own
 * copy of Temporal's packages (there must be one), without node_modules of their own, as TypeScript or JavaScript of either kind.
 */
export function bundlerConfig(config: Configuration, projectRoot: string, faults: BundleFaults): Configuration {
  const { resolve = {}, module = {}, externals, plugins = [] } = config;
  const temporal = (name: string): string => path.dirname(require.resolve(`@temporalio/${name}/package.json`));
  const own = ownFolder(projectRoot, 'workflows');
  return {
    ...config,
    resolve: {
      ...resolve,
      alias: {
        ...(resolve.alias as Record<string, string | false>),
        '@temporalio/workflow': temporal('workflow'),
        '@temporalio/common': temporal('common'),
        'asof/workflow$': workflowApi,
      },
      extensions: ['.ts', '.mts', '.js', '.mjs', '.json'],
      extensionAlias: { '.js': ['.ts', '.js'], '.mjs': ['.mts', '.mjs'], '.cjs': ['.cts', '.cjs'] },
    },
    module: {
      ...module,
      rules: [
        ...(module.rules ?? []).map(asAnyTypeScript),
        // A package.json that says "commonjs" would forbid `import` in a .js file, as `npm init` writes it.
        { test: /\.[cm]?[jt]s$/, include: own, type: 'javascript/auto' },
      ],
    },
    externals: [
      faults.forbidImports,
      ...(Array.isArray(externals) ? externals : externals === undefined ? [] : [externals]),
    ],
    plugins: [
      ...plugins,
      (compiler) => compiler.hooks.done.tap('asof', ({ compilation }) => faults.report(compilation.errors)),
    ],
  };
}

/** The SDK's rule for TypeScript, for its other endings too, and deaf to compiler settings that lie in the working directory. */
function asAnyTypeScript(rule: unknown): never {
  const { test, use, ...rest } = rule as { test?: RegExp; use?: { options?: object } };
  if (String(test) !== String(/\.ts$/)) return rule as never;
  return {
    ...rest,
    test: /\.[cm]?ts$/,
    use: { ...use, options: { ...use?.options, swcrc: false, configFile: false } },
  } as never;
}
