declare module 'kafkajs-snappy' {
  /** Makes the codec kafkajs asks for. */
  const snappy: () => {
    compress(encoder: { buffer: Buffer }): Promise<Buffer>;
    decompress(buffer: Buffer): Promise<Buffer>;
  };
  export default snappy;
}
