import path from 'node:path';
import { type Lake, lit, type Session } from '../../../src/lake/index.js';
import { withTempLake } from '../../support/lake.js';

export interface Staging {
  readonly lake: Lake;
  readonly session: Session;
  readonly folder: string;
  /** Writes a query's result as a Parquet file. @returns its path */
  write(name: string, sql: string): Promise<string>;
  close(): void;
}

/** A lake with a folder for staging files. */
export async function openStaging(): Promise<Staging> {
  const { lake, stateDir, close } = await withTempLake();
  const session = await lake.session();
  return {
    lake,
    session,
    folder: stateDir,
    write: async (name, sql) => {
      const file = path.join(stateDir, `${name}.parquet`);
      await session.run(`COPY (${sql}) TO ${lit(file)} (FORMAT parquet)`);
      return file;
    },
    close: () => {
      session.close();
      close();
    },
  };
}
