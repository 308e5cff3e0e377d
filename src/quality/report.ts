import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { StoreUnavailableError } from '../errors.js';
import { firstLine } from '../lake/index.js';
import { syncPath } from '../lake/parquet-file.js';
import type { ReportData } from './report-data.js';
import { renderReport } from './report-html.js';

/**
 * Writes `report.json` (everything) and `report.html` (one page to look at) into a folder, each whole or not at all.
 * @returns their paths
 * @throws StoreUnavailableError when the folder can't be written.
 */
export function writeReport({ directory, report }: { directory: string; report: ReportData }): {
  json: string;
  html: string;
} {
  const json = path.join(directory, 'report.json');
  const page = path.join(directory, 'report.html');
  try {
    mkdirSync(directory, { recursive: true });
    replaceFile(json, `${JSON.stringify(report, undefined, 2)}\n`);
    replaceFile(page, renderReport(report));
  } catch (error) {
    throw new StoreUnavailableError(`the report can't be written: ${firstLine(error)}`, {
      where: directory,
      mend: 'free disk space or mend the permissions of the folder',
      cause: error,
    });
  }
  return { json, html: page };
}

function replaceFile(file: string, text: string): void {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    writeFileSync(temporary, text);
    syncPath(temporary);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
