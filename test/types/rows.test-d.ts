/**
 * Types inferred from definitions. The compiler is the test: a wrong `Equal` and an unused `@ts-expect-error` are both errors of
 * `tsc`, which types.test.ts runs.
 */
import {
  bool,
  bytes,
  type EntityKeys,
  entity,
  type FeatureService,
  featureService,
  featureView,
  fileSource,
  float32,
  type HistoricalRow,
  int32,
  int64,
  type KafkaSource,
  kafkaSource,
  list,
  nullable,
  type OnlineRow,
  type Row,
  streamFeatureView,
  string,
  timestamp,
} from '../../src/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <T extends true>(): T | undefined => undefined;

const driver = entity({ name: 'driver', joinKeys: { driver_id: int64() } });
const city = entity({ name: 'city', joinKeys: { city: string() } });
const file = fileSource({ name: 'stats', path: 'stats.parquet', timestampField: 'at' });
const stats = featureView({
  name: 'stats',
  entities: [driver],
  source: file,
  features: {
    rate: float32(),
    trips: int32(),
    seen: timestamp(),
    tags: list(string()),
    photo: bytes(),
    active: bool(),
  },
});
const weather = featureView({ name: 'weather', entities: [city], source: file, features: { rain: float32() } });
const rides = featureView({
  name: 'rides',
  entities: [driver, city],
  source: file,
  features: { big: int64({ mode: 'bigint' }), count: int64() },
});
const event = { driver_id: int64(), at: timestamp(), rate: float32(), note: nullable(string()) };
const topic = kafkaSource({ topic: 'stats', event, timestampField: 'at' });

// --- rows of a service
const one = featureService({ name: 'one', features: [stats.pick('rate', 'trips')] });
holds<Equal<EntityKeys<typeof one>, { driver_id: number }>>();
holds<Equal<OnlineRow<typeof one>, { driver_id: number; rate: number | null; trips: number | null }>>();

const several = featureService({
  name: 'several',
  features: [stats.pick('seen', 'tags', 'photo', 'active'), weather, rides],
});
holds<Equal<EntityKeys<typeof several>, { driver_id: number; city: string }>>();
holds<
  Equal<
    OnlineRow<typeof several>,
    {
      driver_id: number;
      city: string;
      seen: Date | null;
      tags: string[] | null;
      photo: Uint8Array | null;
      active: boolean | null;
      rain: number | null;
      big: bigint | null;
      count: number | null;
    }
  >
>();

const renamed = featureService({
  name: 'renamed',
  features: [stats.pick('rate'), stats.pick('rate').prefixed('old_')],
});
holds<Equal<keyof OnlineRow<typeof renamed>, 'driver_id' | 'rate' | 'old_rate'>>();
holds<
  Equal<
    HistoricalRow<typeof one, { driver_id: number; event_timestamp: Date; label: string }>,
    { driver_id: number; event_timestamp: Date; label: string; rate: number | null; trips: number | null }
  >
>();

// --- a service found by name: nothing is known, nothing is refused
const unknownKeys: EntityKeys<FeatureService> = { anything: 1 };
void unknownKeys;

// --- transforms
streamFeatureView({
  name: 'told',
  entities: [driver],
  source: topic,
  features: { rate: float32(), origin: string() },
  transform: ({ rate }, { key, headers, timestamp: sent, partition, offset }) => {
    holds<Equal<typeof key, string | undefined>>();
    holds<Equal<typeof sent, Date | undefined>>();
    holds<Equal<typeof partition, number | undefined>>();
    holds<Equal<typeof offset, number | undefined>>();
    const region: string | undefined = headers['region'];
    return { rate, origin: region ?? null };
  },
});
streamFeatureView({
  name: 'told_too_much',
  entities: [driver],
  source: topic,
  features: { x: string() },
  // @ts-expect-error a message has no such thing
  transform: (_, { nope }) => ({ x: nope }),
});
streamFeatureView({
  name: 'ok',
  entities: [driver],
  source: topic,
  features: { percent: float32(), length: int32() },
  transform: ({ rate, note }) => {
    holds<Equal<typeof rate, number>>();
    holds<Equal<typeof note, string | null>>();
    return { percent: rate * 100, length: note === null ? null : note.length };
  },
});
streamFeatureView({
  name: 'unknown_event_field',
  entities: [driver],
  source: topic,
  features: { x: float32() },
  // @ts-expect-error the event has no such field
  transform: ({ nope }) => ({ x: nope }),
});
streamFeatureView({
  name: 'wrong_type',
  entities: [driver],
  source: topic,
  features: { x: float32() },
  // @ts-expect-error a string for a float32
  transform: ({ note }) => ({ x: note }),
});

// --- what the types refuse
// @ts-expect-error the timestamp must be a field of the event
kafkaSource({ topic: 't', event, timestampField: 'nope' });
// @ts-expect-error a file view has no stream
featureView({ name: 'x', entities: [driver], source: topic, features: { a: float32() } });
// @ts-expect-error a type must be called
entity({ name: 'x', joinKeys: { id: int64 } });
// @ts-expect-error picked already, so it is gone
stats.pick('rate').pick('trips');
// @ts-expect-error a row without the city
const keys: EntityKeys<typeof several> = { driver_id: 1 };
void keys;

// --- personal data: hashed and masked fields reach a transform as text, dropped ones not at all
const ruled = kafkaSource({
  topic: 'ruled',
  event,
  timestampField: 'at',
  pii: { driver_id: 'hash', note: 'mask', rate: 'drop' },
});
holds<
  Equal<Parameters<NonNullable<TransformOf<typeof ruled>>>[0], { driver_id: string; at: Date; note: string | null }>
>();
// @ts-expect-error a rule for no field of the event
kafkaSource({ topic: 'ruled', event, timestampField: 'at', pii: { nope: 'hash' } });

type TransformOf<S> = S extends KafkaSource<infer E> ? (event: Row<E>) => unknown : never;
