import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import kafkajs, { type ISocketFactory, type Kafka, type SASLOptions } from 'kafkajs';
import { type SettingsPlace, tlsOptions } from '../connection-settings.js';
import type { KafkaSettings } from '../definitions/engine-settings.js';
import { readSetting, type Setting } from '../definitions/setting.js';
import { DefinitionError } from '../errors.js';
import { registerCodecs } from './kafka-codecs.js';
import { kafka } from './kafka-limits.js';

/** How to reach a Kafka cluster, with its secrets: never logged, shown or kept. */
export interface KafkaConnection {
  readonly brokers: readonly string[];
  readonly ssl?: ConnectionOptions | undefined;
  readonly sasl?: SASLOptions | undefined;
}

/** Reads the settings' values from the environment and files. @throws DefinitionError for what is missing or can't be meant. */
export function kafkaConnection(settings: KafkaSettings, place: SettingsPlace): KafkaConnection {
  const { where, environment } = place;
  const read = (field: string, setting: Setting): string =>
    readSetting(where, `streamSource.${field}`, setting, environment);
  const brokers = read('brokers', settings.brokers)
    .split(',')
    .map((broker) => broker.trim())
    .filter((broker) => broker !== '');
  const wrong = brokers.find((broker) => !/^[^\s:/]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/.test(broker));
  if (brokers.length === 0 || wrong !== undefined) {
    throw new DefinitionError(`streamSource.brokers ${JSON.stringify(wrong ?? '')} is no host and port`, {
      where,
      mend: "write brokers: 'host:9092,other-host:9092'",
    });
  }
  const { sasl, tls } = settings;
  return {
    brokers,
    ssl: tlsOptions('streamSource.tls', tls, place),
    sasl:
      sasl === undefined
        ? undefined
        : {
            mechanism: sasl.mechanism as 'plain',
            username: read('sasl.username', sasl.username),
            password: read('sasl.password', sasl.password),
          },
  };
}

export interface ClientOptions {
  /** Makes the connections; for who needs one of them. */
  readonly socketFactory?: ISocketFactory;
  /** Of a request; 0 = the first failure counts. */
  readonly retries?: number;
}

export function kafkaClient(
  { brokers, ssl, sasl }: KafkaConnection,
  { socketFactory, retries = kafka.retries }: ClientOptions = {},
): Kafka {
  registerCodecs();
  return new kafkajs.Kafka({
    clientId: 'asof',
    brokers: [...brokers],
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl }),
    ...(socketFactory === undefined ? {} : { socketFactory }),
    connectionTimeout: kafka.connectTimeoutMs,
    requestTimeout: kafka.requestTimeoutMs,
    retry: { ...retryOptions, retries },
    // What goes wrong arrives as an error, once, in our words.
    logCreator: () => () => undefined,
  });
}

export const retryOptions = {
  retries: kafka.retries,
  initialRetryTime: kafka.retryDelayMs,
  maxRetryTime: kafka.retryDelayMaxMs,
};

/** A certificate is checked against the host's name only where the host has one. */
export const serverNameOf = (host: string): { servername: string } | Record<string, never> =>
  isIP(host) === 0 ? { servername: host } : {};
