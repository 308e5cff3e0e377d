import { describe, expect, test } from 'vitest';
import {
  knowsTopicIds,
  topicAnswer,
  topicRequest,
  versionsRequest,
} from '../../../src/stream-source/kafka-metadata.js';

const versions = (...ranges: [key: number, min: number, max: number][]): Buffer => {
  const body = Buffer.alloc(10 + ranges.length * 6);
  body.writeInt32BE(1, 0);
  body.writeInt32BE(ranges.length, 6);
  for (const [i, range] of ranges.entries()) {
    for (const [j, value] of range.entries()) body.writeInt16BE(value, 10 + i * 6 + j * 2);
  }
  return body;
};

/** A Metadata answer, version 10: one broker with a rack, a cluster's name, one topic. */
function answer(name: string, errorCode: number, id: Buffer): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length + 1]), Buffer.from(value)]);
  const int32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  const error = Buffer.alloc(2);
  error.writeInt16BE(errorCode);
  const broker = [int32(7), text('kafka-7.example'), int32(9092), text('rack-a'), Buffer.from([1, 0, 2, 0xaa, 0xbb])];
  return Buffer.concat([
    ...[int32(5), Buffer.from([0]), int32(0), Buffer.from([2]), ...broker],
    ...[text('my-cluster'), int32(7), Buffer.from([2]), error, text(name), id],
    Buffer.from([0, 1, 0]),
  ]);
}

describe('asking Kafka for the id of a topic', () => {
  test('needs a broker that knows such ids', () => {
    expect(knowsTopicIds(versions([0, 0, 9], [3, 0, 13]))).toBe(true);
    expect(knowsTopicIds(versions([0, 0, 9], [3, 0, 9]))).toBe(false);
    expect(knowsTopicIds(versions([3, 11, 13]))).toBe(false);
    expect(knowsTopicIds(versions([0, 0, 9]))).toBe(false);
  });

  test('requests have their length in front, as Kafka wants them', () => {
    for (const request of [versionsRequest(3), topicRequest(3, 'drivers'), topicRequest(4, 'x'.repeat(249))]) {
      expect(request.readInt32BE(0)).toBe(request.length - 4);
    }
    const request = topicRequest(9, 'x'.repeat(200));
    expect([request.readInt16BE(4), request.readInt16BE(6), request.readInt32BE(8)]).toEqual([3, 10, 9]);
    // 201 as a varint of two bytes, after the header, the array's length and an empty id.
    expect([...request.subarray(32, 34)]).toEqual([0xc9, 0x01]);
  });

  test('reads id and error, passing over what else there is', () => {
    const id = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    expect(topicAnswer(answer('drivers', 0, id))).toEqual({ errorCode: 0, topicId: id.toString('hex') });
    expect(topicAnswer(answer('drivers', 3, Buffer.alloc(16)))).toMatchObject({ errorCode: 3 });
  });

  test('an answer that was cut off is an error', () => {
    const whole = answer('drivers', 0, Buffer.alloc(16, 1));
    for (let length = 4; length < whole.length - 3; length += 1) {
      expect(() => topicAnswer(whole.subarray(0, length))).toThrow(RangeError);
    }
  });
});
