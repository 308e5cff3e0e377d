import { AsofError, DefinitionError, StoreUnavailableError } from '../errors.js';

/** What kafkajs throws: a class by name, a protocol error's type, the cause it wraps. */
interface KafkaFailure {
  readonly name?: string;
  readonly type?: string;
  readonly code?: string | number;
  readonly message?: string;
  readonly cause?: unknown;
  readonly retriable?: boolean;
}

const chain = (error: unknown): KafkaFailure[] => {
  const found: KafkaFailure[] = [];
  for (let at = error as KafkaFailure | undefined; at instanceof Error && found.length < 8; ) {
    found.push(at);
    at = at.cause as KafkaFailure | undefined;
  }
  return found;
};

/**
 * An error of a Kafka client in our words. What the author of the configuration must mend is a DefinitionError, everything else is
 * tried again.
 * @param where the topic or the brokers.
 */
export function kafkaError(error: unknown, where: string, topic?: string): AsofError {
  const failures = chain(error);
  const known = failures.find((failure): failure is AsofError => failure instanceof AsofError);
  if (known !== undefined) return known;
  const types = new Set(failures.map(({ type }) => type));
  const text = failures.map(({ message }) => message ?? '').join('\n');
  const has = (pattern: RegExp): boolean => pattern.test(text);

  if (types.has('UNKNOWN_TOPIC_OR_PARTITION') || types.has('UNKNOWN_TOPIC_ID')) return noTopic(topic ?? '?', where);
  const code = failures.map((failure) => failure.code).find((each) => typeof each === 'string');
  const fixed = (what: string, mend: string): AsofError => new DefinitionError(what, { where, mend, cause: error });
  if (
    has(/mechanism/i) &&
    (types.has('UNSUPPORTED_SASL_MECHANISM') || has(/unsupported|not enabled|does not support/i))
  ) {
    return fixed(
      'the broker does not take this SASL mechanism',
      "set streamSource.sasl.mechanism to one of the broker's sasl.enabled.mechanisms: plain, scram-sha-256 or scram-sha-512",
    );
  }
  if (
    failures.some(({ name }) => name === 'KafkaJSSASLAuthenticationError') ||
    types.has('SASL_AUTHENTICATION_FAILED')
  ) {
    return fixed(
      'the broker refused user name or password',
      'check the variables that streamSource.sasl.username and .password are read from',
    );
  }
  if ([...types].some((type) => type?.endsWith('AUTHORIZATION_FAILED') === true)) {
    const type = [...types].find((each) => each?.endsWith('AUTHORIZATION_FAILED') === true) as string;
    return fixed(
      `the broker does not allow this user to do it (${type})`,
      'let it read, describe and write the topic, and read the consumer group (kafka-acls)',
    );
  }
  if (has(/self.signed|unable to verify|unable to get|certificate|altnames|CERT_/i)) {
    return fixed(
      `the broker's certificate is not trusted: ${firstLine(text)}`,
      "set streamSource.tls.ca to the authority's PEM file, and .serverName if the certificate holds another name",
    );
  }
  if (has(/wrong version number|packet length too long|EPROTO|SSL routines/i)) {
    return fixed('the broker does not speak TLS on this port', 'use its TLS port, or leave out streamSource.tls');
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new StoreUnavailableError('the host of the brokers is not known', {
      where,
      mend: 'check streamSource.brokers, and advertised.listeners of the broker',
      cause: error,
    });
  }
  return new StoreUnavailableError(`Kafka does not answer: ${firstLine(text)}`, {
    where,
    mend: 'check that the brokers run and that streamSource.brokers names them',
    cause: error,
  });
}

export const noTopic = (topic: string, where: string): DefinitionError =>
  new DefinitionError(`there is no topic "${topic}"`, {
    where,
    mend: `make it: kafka-topics.sh --create --topic ${topic} --partitions 4 --bootstrap-server ${where}; or send it an event: asof stream produce <view> --file <parquet>`,
  });

const firstLine = (text: string): string => (text.split('\n')[0] ?? '').slice(0, 200);
