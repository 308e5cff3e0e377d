import { existsSync, readdirSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { toolCacheDirectory } from '../../config.js';
import { StoreUnavailableError } from '../../errors.js';
import { withExclusiveLock } from '../exclusive-lock.js';
import { withPartialFolder } from '../partial-folder.js';
import type { EnsureOptions } from '../report.js';
import { executable, findOnPath, programName, runProgram } from '../run-program.js';
import { toolchain } from '../toolchain-limits.js';

export interface KafkaProgram {
  /** The program `java`. */
  readonly java: string;
  /** The folder with Kafka's jars. */
  readonly libs: string;
}

/**
 * Java and Kafka's jars: those of KAFKA_HOME, else fetched once by Maven into the cache.
 * @throws StoreUnavailableError that says what is missing.
 */
export async function ensureKafka({ report, signal, env = process.env }: EnsureOptions): Promise<KafkaProgram> {
  const java = await findJava(env);
  const home = env['KAFKA_HOME'];
  if (home !== undefined && hasJars(path.join(home, 'libs'))) return { java, libs: path.join(home, 'libs') };
  const cache = path.join(toolCacheDirectory(env), `kafka-${toolchain.kafkaVersion}`);
  if (hasJars(cache)) return { java, libs: cache };
  const onWait = () => report({ message: "another process is getting Kafka's jars; waiting for it" });
  return withExclusiveLock(`${cache}.lock`, { signal, onWait }, async () => {
    if (!hasJars(cache)) await fetchJars(cache, { report, signal, env });
    return { java, libs: cache };
  });
}

const hasJars = (folder: string): boolean =>
  existsSync(folder) && readdirSync(folder).some((name) => /^kafka_[\d.]+-.*\.jar$/.test(name));

async function findJava(env: NodeJS.ProcessEnv): Promise<string> {
  const home = env['JAVA_HOME'];
  const java =
    (home === undefined ? undefined : executable(path.join(home, 'bin', programName('java')))) ??
    findOnPath('java', env);
  const mend = `install a Java runtime of version ${toolchain.javaVersionMin} or newer, or set JAVA_HOME to one`;
  if (java === undefined) throw new StoreUnavailableError('Kafka needs Java, which is not here', { mend });
  const { stdout, problem } = await runProgram(java, ['--version'], { env, timeoutMs: toolchain.versionProbeMs });
  const version = Number(/^\S+ (\d+)/.exec(stdout)?.[1]);
  if (version >= toolchain.javaVersionMin) return java;
  throw new StoreUnavailableError(`${java} can't run Kafka: ${problem || `it is version ${version}`}`, { mend });
}

async function fetchJars(cache: string, { report, signal, env }: EnsureOptions & { env: NodeJS.ProcessEnv }) {
  const mend = 'install Maven, or unpack a Kafka release and set KAFKA_HOME to it';
  const maven = findOnPath('mvn', env);
  if (maven === undefined)
    throw new StoreUnavailableError("Kafka's jars are not here, nor is Maven to get them", { mend });
  report({ message: `getting Kafka ${toolchain.kafkaVersion} (mvn)` });
  await withPartialFolder(cache, async (folder) => {
    await writeFile(path.join(folder, 'pom.xml'), pom);
    const libs = path.join(folder, 'libs');
    const args = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${libs}`];
    const result = await runProgram(maven, args, {
      env,
      cwd: folder,
      signal,
      timeoutMs: toolchain.packageInstallMaxMs,
    });
    if (!result.ok || !hasJars(libs)) {
      throw new StoreUnavailableError(`Maven could not get Kafka: ${result.problem || 'no jars came'}`, { mend });
    }
    await rename(libs, cache);
  });
}

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>asof</groupId><artifactId>kafka-libs</artifactId><version>1</version>
<dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
<version>${toolchain.kafkaVersion}</version></dependency></dependencies></project>
`;
