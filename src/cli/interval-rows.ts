import { zoneOffset } from '../runs/zone-offset.js';

/** A row of a grid: the intervals that begin in one stretch of the zone's time, each at its place. */
export interface GridRow<T> {
  readonly label: string;
  /** `undefined` = no interval begins there. */
  readonly cells: readonly (T | undefined)[];
  /** The clocks went back: one place is there twice, and the ones after it stand one further right. */
  readonly isLonger: boolean;
}

/** How intervals of one length are laid out. */
export interface GridShape {
  /** Places of a row. */
  readonly slots: number;
  /** What stands above the places. */
  readonly header: string;
  /** @param local the time the clocks of the zone show, as if it were UTC. */
  placeOf(local: number): { readonly label: string; readonly slot: number };
}

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;
const weekMs = 7 * dayMs;
/** Of 1970-01-05, a Monday. */
const mondayMs = 4 * dayMs;
const slotsMost = 62;

/** The shape for intervals whose usual length this is: the longest rows that a terminal of 80 columns has room for. */
export function gridShape(lengthMs: number): GridShape {
  // A day may be an hour shorter where the clocks change.
  const unit = lengthMs < 20 * hourMs ? lengthMs : Math.round(lengthMs / dayMs) * dayMs;
  if (unit >= 360 * dayMs) return decades;
  if (unit >= 28 * dayMs) return years;
  if (unit >= 6 * dayMs) return weeksOfYears;
  if (unit >= dayMs) return daysOfMonths(Math.round(unit / dayMs));
  const rowMs = [weekMs, dayMs, 12 * hourMs, 6 * hourMs, 4 * hourMs, hourMs, 10 * minuteMs, minuteMs].find(
    (length) => Math.ceil(length / unit) <= slotsMost,
  );
  return clockTimes(unit, rowMs ?? minuteMs);
}

const decades: GridShape = {
  slots: 10,
  header: '0123456789',
  placeOf: (local) => {
    const year = new Date(local).getUTCFullYear();
    return { label: `${Math.floor(year / 10)}0s`, slot: year % 10 };
  },
};

const years: GridShape = {
  slots: 12,
  header: 'JFMAMJJASOND',
  placeOf: (local) => ({ label: iso(local, 4), slot: new Date(local).getUTCMonth() }),
};

const weeksOfYears: GridShape = {
  slots: 53,
  header: 'Jan Feb Mar Apr  May Jun Jul  Aug Sep  Oct Nov Dec',
  placeOf: (local) => {
    const year = Date.UTC(new Date(local).getUTCFullYear(), 0);
    return { label: iso(local, 4), slot: Math.floor((local - year) / weekMs) };
  },
};

const daysOfMonths = (days: number): GridShape => ({
  slots: Math.ceil(31 / days),
  header: ruler(Math.ceil(31 / days), 5, (slot) => String(slot * days + 1)),
  placeOf: (local) => ({ label: iso(local, 7), slot: Math.floor((new Date(local).getUTCDate() - 1) / days) }),
});

function clockTimes(unit: number, rowMs: number): GridShape {
  const slots = Math.ceil(rowMs / unit);
  const isWeek = rowMs === weekMs;
  return {
    slots,
    header: isWeek
      ? ruler(
          slots,
          Math.max(1, Math.round(dayMs / unit)),
          (slot) => 'MTWTFSS'[Math.floor((slot * unit) / dayMs)] ?? '',
        )
      : ruler(slots, Math.max(3, Math.round(slots / 4)), (slot) => clockLabel(slot * unit, rowMs)),
    placeOf: (local) => {
      const first = isWeek ? mondayMs : 0;
      const row = Math.floor((local - first) / rowMs) * rowMs + first;
      return { label: iso(row, rowMs >= dayMs ? 10 : 16), slot: Math.floor((local - row) / unit) };
    },
  };
}

/** Of a day `06`, of less the minutes or seconds from its beginning on. */
const clockLabel = (ms: number, rowMs: number): string =>
  rowMs === dayMs
    ? String(Math.floor(ms / hourMs)).padStart(2, '0')
    : rowMs > hourMs
      ? `+${Math.floor(ms / hourMs)}h`
      : rowMs > minuteMs
        ? `:${String(Math.floor(ms / minuteMs)).padStart(2, '0')}`
        : `${Math.floor(ms / secondMs)}s`;

const iso = (local: number, length: number): string => new Date(local).toISOString().slice(0, length).replace('T', ' ');

function ruler(slots: number, step: number, label: (slot: number) => string): string {
  let text = '';
  for (let slot = 0; slot < slots; slot += step) text = text.padEnd(slot) + label(slot).slice(0, Math.max(1, step - 1));
  return text;
}

/** @param intervals the oldest first. */
export function gridRows<T extends { readonly start: Date }>(
  intervals: readonly T[],
  shape: GridShape,
  timezone: string,
): GridRow<T>[] {
  const rows: { label: string; cells: (T | undefined)[]; isLonger: boolean }[] = [];
  for (const interval of intervals) {
    const at = interval.start.getTime();
    const { label, slot } = shape.placeOf(at + zoneOffset(timezone, at));
    let row = rows.at(-1);
    if (row?.label !== label) {
      row = { label, cells: [], isLonger: false };
      rows.push(row);
    }
    if (row.cells[slot] !== undefined) row.isLonger = true;
    const place = Math.max(row.isLonger ? slot + 1 : slot, row.cells.length);
    while (row.cells.length < place) row.cells.push(undefined);
    row.cells.push(interval);
  }
  return rows;
}
