import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DataError, StoreUnavailableError } from '../errors.js';
import { firstLine } from '../lake/index.js';
import { syncPath } from '../lake/parquet-file.js';
import type { ReportData } from './report-data.js';
import { renderReport } from './report-page.js';

/** Where the parts of a run's report lie in the run's folder of reports. */
export const reportPage = (directory: string): string => path.join(directory, 'report.html');
const reportJson = (directory: string, view: string): string => path.join(directory, view, 'report.json');

/**
 * Writes what was found of one view, `<view>/report.json` (everything), and with it the run's page, `report.html`, anew from those
 * of all its views. Each file is whole or not at all, and steps of several views may do so at once.
 * @param directory the run's folder of reports.
 * @throws StoreUnavailableError when the folder can't be written; DataError when another view's file in it can't be read.
 */
export function writeReport({ directory, report }: { directory: string; report: ReportData }): {
  json: string;
  html: string;
} {
  const json = reportJson(directory, report.view);
  writing(directory, () => {
    mkdirSync(path.dirname(json), { recursive: true });
    replaceFile(json, `${JSON.stringify(report, undefined, 2)}\n`);
  });
  return { json, html: writeReportPage(directory) };
}

/**
 * Writes the run's page from the files of its views.
 *
 * Whoever writes a view's file looks at the folder after the page is in place, and writes the page again when the files are not those
 * it read. So of two at once, the one whose page comes last has seen both files.
 */
export function writeReportPage(directory: string): string {
  const page = reportPage(directory);
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const seen = stamps(directory);
    const reports = readReports(directory);
    writing(directory, () => replaceFile(page, renderReport(reports)));
    if (stamps(directory) === seen) break;
  }
  return page;
}

/** More views than that never finish within the time of writing one page. */
const attemptsMax = 50;

/**
 * What was found of each view of a run, by the files that are there.
 * @throws DataError when one can't be read.
 */
export function readReports(directory: string): ReportData[] {
  return viewsIn(directory).map((view) => {
    const file = reportJson(directory, view);
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as ReportData;
    } catch (error) {
      throw new DataError(`the report can't be read: ${firstLine(error)}`, {
        where: file,
        mend: 'remove this file; `asof report` makes it again from what the lake keeps',
        cause: error,
      });
    }
  });
}

function viewsIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort()
      .filter((view) => statSync(reportJson(directory, view), { throwIfNoEntry: false })?.isFile());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** A file that is replaced is another one, whatever its time and size. */
const stamps = (directory: string): string =>
  viewsIn(directory)
    .map((view) => {
      const found = statSync(reportJson(directory, view), { throwIfNoEntry: false, bigint: true });
      return `${view} ${found?.ino} ${found?.mtimeNs} ${found?.size}`;
    })
    .join('\n');

function writing(directory: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new StoreUnavailableError(`the report can't be written: ${firstLine(error)}`, {
      where: directory,
      mend: 'free disk space or mend the permissions of the folder',
      cause: error,
    });
  }
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
