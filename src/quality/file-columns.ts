import { DataError } from '../errors.js';
import { firstLine, type Session, type StatementOptions } from '../lake/index.js';
import type { FileColumn } from './value-json.js';

/**
 * The columns of a staging Parquet file.
 * @throws DataError when the file is missing, cut off or no Parquet.
 */
export async function fileColumns(
  session: Session,
  file: string,
  options: StatementOptions = {},
): Promise<FileColumn[]> {
  try {
    return await session.all<FileColumn>(
      'SELECT column_name AS name, column_type AS type FROM (DESCRIBE SELECT * FROM read_parquet($1))',
      [file],
      options,
    );
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    throw new DataError(`can't be read as Parquet: ${firstLine(error)}`, {
      where: file,
      mend: 'run the step that writes this file again',
      cause: error,
    });
  }
}
