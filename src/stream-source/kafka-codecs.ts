/// <reference path="./kafkajs-snappy.d.ts" />
import { decompress as decompressZstd } from 'fzstd';
import kafkajs from 'kafkajs';
import snappy from 'kafkajs-snappy';
import { compressFrame, decompressFrame } from 'lz4-napi';
import { DefinitionError } from '../errors.js';

/** What kafkajs hands a codec to compress. */
interface Encoded {
  readonly buffer: Buffer;
}

const lz4 = {
  compress: ({ buffer }: Encoded): Promise<Buffer> => compressFrame(buffer),
  decompress: (buffer: Buffer): Promise<Buffer> => decompressFrame(buffer),
};

const zstd = {
  compress: async (): Promise<Buffer> => {
    throw new DefinitionError('batches can be read with zstd but not written', { mend: 'send them with lz4 or gzip' });
  },
  decompress: async (buffer: Buffer): Promise<Buffer> => {
    const { buffer: bytes, byteOffset, byteLength } = decompressZstd(buffer);
    return Buffer.from(bytes, byteOffset, byteLength);
  },
};

/** Makes kafkajs read batches of all four compressions; it brings gzip alone. */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.Snappy] = snappy;
  CompressionCodecs[CompressionTypes.LZ4] = () => lz4;
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstd;
}
