import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { env, type KafkaSettings } from '../../src/definitions/index.js';
import { kafkaClient } from '../../src/stream-source/kafka-connection.js';
import { openKafkaStreamProducer } from '../../src/stream-source/kafka-stream-producer.js';
import { kafkaConnection, openKafkaStreamSource } from '../../src/stream-source/kafka-stream-source.js';
import { type SecureKafka, startSecureKafka } from '../support/secure-kafka.js';
import { lacks } from '../support/services.js';

type Settings = Omit<KafkaSettings, 'type'>;

describe.skipIf(lacks('kafka'))('a Kafka cluster that asks who is there', { timeout: 60_000 }, () => {
  let cluster: SecureKafka;
  const topic = 'guarded';

  beforeAll(async () => {
    cluster = await startSecureKafka({
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS;User:alice',
    });
    const producer = await openKafkaStreamProducer({ connection: { brokers: [cluster.plaintext] }, topic });
    await producer.send([{ key: 'k', value: '{"n":1}' }]);
    await producer.close();
  }, 120_000);
  afterAll(() => cluster?.close());

  const placeOf = (password: string) => ({ where: 'the test', environment: { KAFKA_PASSWORD: password }, root: '/' });

  /** Reads the topic's only event as a member of a group. */
  async function read(settings: Settings, password = ''): Promise<string> {
    const connection = kafkaConnection({ type: 'kafka', ...settings }, placeOf(password));
    const source = await openKafkaStreamSource({ connection, topic, group: 'asof-test-guarded' });
    try {
      await source.seek(new Map((await source.partitions()).map(({ partition, start }) => [partition, start])));
      const [record] = await source.poll({ rowsMax: 10, bytesMax: 1_000, waitMs: 10_000 });
      return Buffer.from(record?.value ?? []).toString();
    } finally {
      await source.close();
    }
  }

  async function write(settings: Settings, password = ''): Promise<void> {
    const connection = kafkaConnection({ type: 'kafka', ...settings }, placeOf(password));
    const producer = await openKafkaStreamProducer({ connection, topic });
    await producer.close();
  }

  const sasl = (
    mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512',
    username: string,
  ): NonNullable<Settings['sasl']> => ({
    mechanism,
    username,
    password: env('KAFKA_PASSWORD'),
  });

  test('is read over TLS, and with PLAIN over TLS and without', async () => {
    const { tls, saslTls, saslPlaintext, ca, user } = cluster;
    expect(await read({ brokers: tls, tls: { ca } })).toBe('{"n":1}');
    expect(await read({ brokers: saslTls, tls: { ca }, sasl: sasl('plain', user.username) }, user.password)).toBe(
      '{"n":1}',
    );
    expect(await read({ brokers: saslPlaintext, sasl: sasl('plain', user.username) }, user.password)).toBe('{"n":1}');
    await write({ brokers: saslTls, tls: { ca }, sasl: sasl('plain', user.username) }, user.password);
  });

  test('another name in the certificate is named', async () => {
    const byAddress = cluster.tls.replace('localhost', '127.0.0.1');
    expect(await read({ brokers: byAddress, tls: { ca: cluster.ca, serverName: 'localhost' } })).toBe('{"n":1}');
  });

  test.each(['scram-sha-256', 'scram-sha-512'] as const)(
    '%s: first without rights, then with them',
    async (mechanism) => {
      const { saslTls, ca, scramUser, plaintext } = cluster;
      const settings = { brokers: saslTls, tls: { ca }, sasl: sasl(mechanism, scramUser.username) };
      const admin = kafkaClient({ brokers: [plaintext] }).admin();
      await admin.connect();
      try {
        await admin.deleteAcls({ filters: [{ ...any, principal: `User:${scramUser.username}` }] });
        await expect(read(settings, scramUser.password)).rejects.toMatchObject({
          name: 'DefinitionError',
          message: expect.stringContaining('TOPIC_AUTHORIZATION_FAILED'),
          mend: expect.stringContaining('kafka-acls.sh'),
        });
        await expect(write(settings, scramUser.password)).rejects.toMatchObject({
          name: 'DefinitionError',
          message: expect.stringContaining('AUTHORIZATION_FAILED'),
        });
        await admin.createAcls({ acl: [allowed(scramUser.username, kafkajs.AclResourceTypes.TOPIC, topic)] });
        await expect(read(settings, scramUser.password)).rejects.toMatchObject({
          name: 'StoreUnavailableError',
          message: expect.stringContaining('the consumer group'),
          mend: expect.stringContaining('asof-*'),
        });
        await admin.createAcls({
          acl: [allowed(scramUser.username, kafkajs.AclResourceTypes.GROUP, 'asof-test-guarded')],
        });
        expect(await read(settings, scramUser.password)).toBe('{"n":1}');
      } finally {
        await admin.disconnect();
      }
    },
  );

  const secret = 'not-the-password';
  test.each<[string, (c: SecureKafka) => Settings, { name: string; message: RegExp; mend: RegExp }]>([
    [
      'a wrong password',
      ({ saslTls, ca, user }) => ({ brokers: saslTls, tls: { ca }, sasl: sasl('plain', user.username) }),
      { name: 'DefinitionError', message: /refused user name or password/, mend: /sasl\.password/ },
    ],
    [
      'a wrong password of SCRAM',
      ({ saslTls, ca, scramUser }) => ({
        brokers: saslTls,
        tls: { ca },
        sasl: sasl('scram-sha-512', scramUser.username),
      }),
      { name: 'DefinitionError', message: /refused user name or password/, mend: /sasl\.password/ },
    ],
    [
      'a mechanism the port does not take',
      ({ saslPlaintext, scramUser }) => ({ brokers: saslPlaintext, sasl: sasl('scram-sha-256', scramUser.username) }),
      { name: 'DefinitionError', message: /does not take this SASL mechanism/, mend: /sasl\.mechanism/ },
    ],
    [
      'a user where none is asked for',
      ({ plaintext, user }) => ({ brokers: plaintext, sasl: sasl('plain', user.username) }),
      { name: 'DefinitionError', message: /asks for no user/, mend: /leave out streamSource\.sasl/ },
    ],
    [
      'no user where one is asked for',
      ({ saslPlaintext }) => ({ brokers: saslPlaintext }),
      { name: 'StoreUnavailableError', message: /closed the connection/, mend: /set streamSource\.tls or \.sasl/ },
    ],
    [
      'TLS on a port without',
      ({ plaintext }) => ({ brokers: plaintext, tls: true }),
      { name: 'StoreUnavailableError', message: /no TLS connection/, mend: /leave out streamSource\.tls/ },
    ],
    [
      'no TLS on a port with',
      ({ tls }) => ({ brokers: tls }),
      { name: 'StoreUnavailableError', message: /closed the connection/, mend: /set streamSource\.tls/ },
    ],
    [
      'a certificate of an unknown authority',
      ({ tls }) => ({ brokers: tls, tls: true }),
      { name: 'DefinitionError', message: /certificate is not trusted/, mend: /tls\.ca/ },
    ],
    [
      'a certificate of another authority',
      ({ tls, otherCa }) => ({ brokers: tls, tls: { ca: otherCa } }),
      { name: 'DefinitionError', message: /certificate is not trusted/, mend: /tls\.ca/ },
    ],
    [
      'a certificate of another name',
      ({ tls, ca }) => ({ brokers: tls.replace('localhost', '127.0.0.1'), tls: { ca } }),
      { name: 'DefinitionError', message: /certificate is not trusted.*altnames/, mend: /serverName/ },
    ],
    [
      'an unknown host',
      () => ({ brokers: 'no-such-host.invalid:9092' }),
      { name: 'StoreUnavailableError', message: /host of a broker is not known/, mend: /streamSource\.brokers/ },
    ],
    [
      'a port where nobody is',
      () => ({ brokers: 'localhost:1' }),
      { name: 'StoreUnavailableError', message: /ECONNREFUSED/, mend: /brokers run/ },
    ],
    [
      'a PEM file that is not there',
      ({ tls }) => ({ brokers: tls, tls: { ca: '/no/such/ca.pem' } }),
      { name: 'DefinitionError', message: /tls\.ca can't be read: ENOENT/, mend: /PEM file/ },
    ],
    [
      'brokers that are no hosts and ports',
      () => ({ brokers: 'localhost' }),
      { name: 'DefinitionError', message: /"localhost" is no host and port/, mend: /host:9092/ },
    ],
  ])(
    '%s is told with its mend, by reader and writer, without the password',
    async (_, settings, { name, message, mend }) => {
      for (const use of [read, write]) {
        const error = await use(settings(cluster), secret).then(
          () => undefined,
          (failure: unknown) => failure as Error & { mend?: string },
        );
        expect(error).toMatchObject({
          name,
          message: expect.stringMatching(message),
          mend: expect.stringMatching(mend),
        });
        expect(`${error?.message}${error?.mend}${error?.stack}${JSON.stringify(error)}`).not.toContain(secret);
      }
    },
  );
});

const any = {
  resourceType: kafkajs.AclResourceTypes.ANY,
  resourcePatternType: kafkajs.ResourcePatternTypes.ANY,
  host: '*',
  operation: kafkajs.AclOperationTypes.ANY,
  permissionType: kafkajs.AclPermissionTypes.ANY,
};

const allowed = (username: string, resourceType: number, resourceName: string) => ({
  resourceType,
  resourceName,
  resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
  principal: `User:${username}`,
  host: '*',
  operation: kafkajs.AclOperationTypes.READ,
  permissionType: kafkajs.AclPermissionTypes.ALLOW,
});
