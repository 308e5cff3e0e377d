import type { QuarantinedRow, QuarantineList, QuarantineState, Released } from '../index.js';
import { clock, intervalText } from './clock.js';
import { formatCell, plural, printColumns } from './output.js';
import { fitted, printable } from './printable.js';

/**
 * `asof quarantine list`, in 80 columns.
 * @param isFiltered it was asked for some rows only, so that none of them does not mean that there is none.
 */
export function printList(
  { total, groups, rows }: QuarantineList,
  state: QuarantineState | undefined,
  isFiltered: boolean,
): void {
  if (total === 0) {
    const held = isFiltered ? 'No held row is like that.' : 'Nothing is held in quarantine.';
    console.log(state === 'held' ? held : 'No quarantined row is like that.');
    return;
  }
  printColumns(
    groups.map((group) => ({
      rows: group.rows.toLocaleString('en'),
      state: group.state,
      view: fitted(group.view, 20),
      rule: rulesText(group.rule, 26),
      newest: clock(group.newest),
    })),
  );
  if (rows.length === 0) return;
  console.log(rows.length < total ? `\nThe newest ${rows.length} of ${total.toLocaleString('en')} rows:` : '');
  printColumns(
    rows.map((row) => ({
      id: row.id,
      value: fitted(valuesText(row), 24),
      from: fromText(row, 22),
      run: printable(row.runId.slice(0, 13)),
    })),
  );
  console.log('`asof quarantine show <id>` shows a whole row; `release`, `drop` decide.');
}

/** `acceptedVal…; between(fa…`: each rule cut for itself, or rows that break several would look like those that break the first. */
function rulesText(joined: string, most: number): string {
  const rules = joined.split('; ');
  if (joined.length <= most || rules.length === 1) return fitted(joined, most);
  const more = rules.length > 2 ? ` +${rules.length - 2}` : '';
  const room = Math.floor((most - more.length - '; '.length) / 2);
  return `${rules
    .slice(0, 2)
    .map((rule) => fitted(rule, room))
    .join('; ')}${more}`;
}

/** `a = 99, b = ·` */
const valuesText = ({ values, broken, state }: QuarantinedRow): string => {
  const entries = Object.entries(values);
  if (state === 'dropped') return '(dropped)';
  if (entries.length === 0) return broken.map(({ rule }) => rule).join('; ');
  return entries.map(([name, value]) => `${name} = ${formatCell(value)}`).join(', ');
};

/** `…/stats.csv row 12`: of a path the end tells more. */
function fromText({ source, position, view }: QuarantinedRow, most: number): string {
  const place = printable(source ?? view);
  const row = position === null ? '' : ` row ${position}`;
  const room = most - row.length;
  return `${place.length <= room ? place : `…${place.slice(place.length - Math.max(0, room - 1))}`}${row}`;
}

/** `asof quarantine show`: all that is known of a row. */
export function printRow(row: QuarantinedRow): void {
  const { id, view, state, broken, source, position, pipeline, runId, interval, setAsideAt } = row;
  const { decidedAt, decidedBy, reason } = row;
  const at = position === null ? '' : `, row ${position}`;
  const lines: Record<string, string | undefined> = {
    view,
    broke: broken.map(({ rule }) => rule).join('\n'),
    source: source === null ? undefined : `${source}${at}`,
    run: `${runId}${pipeline === null ? '' : ` of ${pipeline}`}`,
    interval: interval === null ? undefined : intervalText(interval),
    'set aside': `${clock(setAsideAt)} UTC`,
    [state]: decidedAt === null ? undefined : `${clock(decidedAt)} UTC by ${decidedBy}`,
    reason: reason ?? undefined,
  };
  console.log(`${id}: ${state}`);
  for (const [name, text] of Object.entries(lines)) {
    if (text === undefined) continue;
    for (const [at, line] of text.split('\n').entries())
      console.log(`  ${(at === 0 ? name : '').padEnd(11)}${printable(line)}`);
  }
  if (row.row !== null) {
    const fields = Object.entries(row.row).filter(([name]) => name !== '_ingest_position');
    const width = Math.max(...fields.map(([name]) => name.length)) + 2;
    const guilty = new Set(broken.flatMap(({ columns }) => columns));
    console.log('  row');
    for (const [name, value] of fields)
      console.log(`  ${guilty.has(name) ? '!' : ' '} ${name.padEnd(width)}${printable(formatCell(value))}`);
  }
  console.log('');
}

export function printReleased({ released, views, stillHeld, notHeld }: Released): void {
  for (const { view, released: rows, published, alreadyThere, snapshot } of views) {
    if (rows === 0) continue;
    const there = alreadyThere === 0 ? '' : `, ${alreadyThere.toLocaleString('en')} were there already`;
    console.log(
      `${view}: ${plural(rows, 'row')} released, ${published.toLocaleString('en')} new in the history${there} (snapshot ${snapshot}).`,
    );
  }
  for (const { view, why, rows, ids } of stillHeld)
    console.log(
      printable(
        `${view}: ${plural(rows, 'row')} ${rows === 1 ? 'stays' : 'stay'} held: ${why}${ids.length === 0 ? '' : ` (${ids.join(', ')}${rows > ids.length ? ', …' : ''})`}`,
      ),
    );
  printNotHeld(notHeld);
  if (released > 0) console.log('`asof materialize` brings them online.');
  else if (stillHeld.length === 0 && notHeld.length === 0) console.log('Nothing like that is held.');
}

export function printNotHeld(rows: readonly QuarantinedRow[]): void {
  for (const { id, state, decidedAt, decidedBy } of rows)
    console.log(`${id} was ${state} before: ${decidedAt === null ? '' : `${clock(decidedAt)} UTC `}by ${decidedBy}`);
}
