import { AsofError, DataError, DefinitionError, StoreUnavailableError } from '../errors.js';

/** An error a broker answers with, by its number in Kafka's protocol; for what is asked without kafkajs. */
export class KafkaProtocolError extends Error {
  readonly type: string;

  constructor(code: number) {
    const type = protocolErrors[code] ?? `error ${code}`;
    super(`the broker answers ${type}`);
    this.type = type;
  }
}

const protocolErrors: Readonly<Record<number, string>> = {
  3: 'UNKNOWN_TOPIC_OR_PARTITION',
  5: 'LEADER_NOT_AVAILABLE',
  17: 'INVALID_TOPIC_EXCEPTION',
  29: 'TOPIC_AUTHORIZATION_FAILED',
  31: 'CLUSTER_AUTHORIZATION_FAILED',
};

/** What of an error and its causes tells them apart. */
interface Facts {
  /** Names of kafkajs' classes, names of Kafka's protocol errors, codes of sockets. */
  readonly names: ReadonlySet<string>;
  /** All messages, the outermost first. */
  readonly text: string;
  readonly topic: string;
  /** The brokers. */
  readonly where: string;
}

interface Rule {
  readonly is: (facts: Facts) => boolean;
  readonly what: (facts: Facts) => string;
  readonly mend: (facts: Facts) => string;
  /** Who must act: the author of the configuration, the sender of the data, or nobody yet, as it is tried again. */
  readonly as: typeof DefinitionError | typeof DataError | typeof StoreUnavailableError;
}

const named =
  (...names: string[]): Rule['is'] =>
  (facts) =>
    names.some((name) => facts.names.has(name));
const says =
  (pattern: RegExp): Rule['is'] =>
  (facts) =>
    pattern.test(facts.text);
const refusal = ({ names }: Facts): string | undefined =>
  [...names].find((name) => name.endsWith('_AUTHORIZATION_FAILED'));

/** The first that fits is what it is. */
const rules: readonly Rule[] = [
  {
    is: named('UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID'),
    what: ({ topic }) => `there is no topic "${topic}"`,
    mend: ({ topic, where }) =>
      `make it: kafka-topics.sh --create --topic ${topic} --partitions 4 --bootstrap-server ${where.split(',')[0]}; or send it an event: asof stream produce <view> --file <parquet>`,
    as: DefinitionError,
  },
  {
    is: (facts) => refusal(facts) !== undefined,
    what: (facts) => `the broker does not allow this user to do it (${refusal(facts)})`,
    mend: ({ topic }) =>
      `give it rights by kafka-acls.sh: read and describe topic ${topic} and the group asof-*; write and create the topic to produce`,
    as: DefinitionError,
  },
  {
    is: named('MESSAGE_TOO_LARGE'),
    what: ({ topic }) => `an event is larger than topic "${topic}" takes`,
    mend: () => "send less in one event, or raise the topic's max.message.bytes",
    as: DataError,
  },
  {
    is: named('UNSUPPORTED_SASL_MECHANISM'),
    what: () => 'the broker does not take this SASL mechanism',
    mend: () =>
      "set streamSource.sasl.mechanism to one of the broker's sasl.enabled.mechanisms: plain, scram-sha-256 or scram-sha-512",
    as: DefinitionError,
  },
  {
    is: named('ILLEGAL_SASL_STATE'),
    what: () => 'the broker asks for no user on this port',
    mend: () => 'use its SASL port, or leave out streamSource.sasl',
    as: DefinitionError,
  },
  {
    is: named('KafkaJSSASLAuthenticationError', 'SASL_AUTHENTICATION_FAILED'),
    what: () => 'the broker refused user name or password',
    mend: () => 'check the variables that streamSource.sasl.username and streamSource.sasl.password are read from',
    as: DefinitionError,
  },
  {
    // kafkajs keeps the reason to itself.
    is: named('KafkaJSGroupCoordinatorNotFound'),
    what: () => 'no broker tells which one keeps the consumer group',
    mend: () => 'if the brokers run, let this user read the group: kafka-acls.sh --operation Read --group asof-* …',
    as: StoreUnavailableError,
  },
  {
    is: says(/SSL alert|\balert (certificate|unknown ca|bad)/i),
    what: ({ text }) => `the broker did not accept our certificate: ${firstLine(text)}`,
    mend: () => 'give streamSource.tls.cert and .key of a certificate that the broker trusts',
    as: DefinitionError,
  },
  {
    is: says(/certificate|altnames|unable to verify|unable to get/i),
    what: ({ text }) => `the broker's certificate is not trusted: ${firstLine(text)}`,
    mend: () =>
      "set streamSource.tls.ca to the authority's PEM file, and .serverName where the certificate holds another name",
    as: DefinitionError,
  },
  {
    is: says(/disconnected before secure TLS|wrong version number|packet length too long|EPROTO/i),
    what: ({ text }) => `no TLS connection came about: ${firstLine(text)}`,
    mend: () => 'if the broker speaks no TLS on this port, use its TLS port or leave out streamSource.tls',
    as: StoreUnavailableError,
  },
  {
    is: named('ENOTFOUND', 'EAI_AGAIN'),
    what: () => 'the host of a broker is not known',
    mend: () => 'check streamSource.brokers, and advertised.listeners of the brokers',
    as: StoreUnavailableError,
  },
  {
    is: named('KafkaJSConnectionClosedError', 'ConnectionClosed'),
    what: () => 'the broker closed the connection',
    mend: () =>
      'if its port wants TLS or a user, set streamSource.tls or .sasl; otherwise look at the log of the broker',
    as: StoreUnavailableError,
  },
];

/** An error of a Kafka client in our words: a DefinitionError where the configuration must be mended; the rest is tried again. */
export function kafkaError(error: unknown, where: string, topic: string): AsofError {
  const errors = withCauses(error);
  const known = errors.find((each): each is AsofError => each instanceof AsofError);
  if (known !== undefined) return known;
  const facts: Facts = {
    names: new Set(
      errors.flatMap(({ name, type, code }) => [name, type, code]).filter((each) => typeof each === 'string'),
    ),
    text: errors.map(({ message }) => message.replace(/^Connection error: /, '')).join('\n'),
    topic,
    where,
  };
  const rule = rules.find(({ is }) => is(facts));
  if (rule === undefined) {
    return new StoreUnavailableError(`Kafka does not answer: ${firstLine(facts.text)}`, {
      where,
      mend: 'check that the brokers run and that streamSource.brokers names them',
      cause: error,
    });
  }
  return new rule.as(rule.what(facts), { where, mend: rule.mend(facts), cause: error });
}

/** Whether an error says that there is no such topic. */
export const isNoTopic = (error: unknown): boolean =>
  withCauses(error).some(({ type }) => type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'UNKNOWN_TOPIC_ID');

type KafkaFailure = Error & { readonly type?: unknown; readonly code?: unknown; readonly errors?: unknown };

/** An error, its causes, and those it gathers. */
function withCauses(error: unknown): KafkaFailure[] {
  const found: KafkaFailure[] = [];
  const visit = (each: unknown): void => {
    if (!(each instanceof Error) || found.includes(each) || found.length >= 20) return;
    found.push(each);
    const { errors } = each as KafkaFailure;
    visit(each.cause);
    if (Array.isArray(errors)) for (const one of errors) visit(one);
  };
  visit(error);
  return found;
}

const firstLine = (text: string): string => (text.split('\n')[0] ?? '').slice(0, 200);
