import { randomUUID } from 'node:crypto';
import { limits } from '../config.js';
import { DefinitionError } from '../errors.js';
import { keptSnapshots } from './kept-snapshots.js';
import type { Lake } from './lake.js';
import type { Session } from './session.js';

/** A snapshot that somebody reads: upkeep leaves it, and files that were replaced since `takenAt`, until it expires. */
export interface Pin {
  readonly id: string;
  readonly snapshot: number;
  readonly reason: string;
  readonly takenAt: Date;
  readonly expiresAt: Date;
}

export interface PinRequest {
  readonly snapshot: number;
  readonly reason: string;
  readonly forMs: number;
  /** When the reading began; default now. */
  readonly since?: Date;
}

/** @returns the pin's id. @throws DefinitionError when the snapshot is not there any more. */
export async function takePin(
  lake: Lake,
  { snapshot, reason, forMs, since = new Date() }: PinRequest,
): Promise<string> {
  const id = randomUUID();
  await lake.transaction({ message: `pin snapshot ${snapshot}` }, async (session) => {
    await holdPins(session, lake);
    const kept = await keptSnapshots(lake);
    const there = await session.one(`SELECT 1 FROM ${kept} WHERE snapshot_id = $1`, [BigInt(snapshot)]);
    if (there === undefined) throw new DefinitionError(`the lake has no snapshot ${snapshot} any more`);
    const expires = new Date(Date.now() + forMs);
    await session.run(`INSERT INTO ${lake.system('pins')} VALUES ($1, $2, $3, $4::TIMESTAMPTZ, $5::TIMESTAMPTZ)`, [
      ...[id, BigInt(snapshot), reason, since, expires],
    ]);
  });
  return id;
}

/** From now on for so long. @returns false when there is no such pin any more. */
export async function extendPin(lake: Lake, id: string, forMs: number): Promise<boolean> {
  const { result } = await lake.transaction({ message: `extend pin ${id}` }, (session) =>
    session.run(`UPDATE ${lake.system('pins')} SET expires_at = $2::TIMESTAMPTZ WHERE id = $1 AND id <> ''`, [
      id,
      new Date(Date.now() + forMs),
    ]),
  );
  return result === 1;
}

/** Gives the snapshot free; again is fine. */
export async function releasePin(lake: Lake, id: string): Promise<void> {
  await lake.transaction({ message: `release pin ${id}` }, (session) =>
    session.run(`DELETE FROM ${lake.system('pins')} WHERE id = $1 AND id <> ''`, [id]),
  );
}

/** The pins of all projects of the lake, expired ones left out. */
export async function listPins(lake: Lake, from: Pick<Session, 'all'> = lake): Promise<Pin[]> {
  const tables = await lake.everywhere('pins');
  const rows = await from.all<{ id: string; snapshot: bigint; reason: string; taken_at: Date; expires_at: Date }>(
    `${tables.map((table) => `SELECT * FROM ${table} WHERE id <> '' AND expires_at > now()`).join(' UNION ALL ')}`,
  );
  return rows.map(({ id, snapshot, reason, taken_at, expires_at }) => {
    return { id, snapshot: Number(snapshot), reason, takenAt: taken_at, expiresAt: expires_at };
  });
}

/** Part of a transaction: of one that pins and one that lets snapshots go at the same time only one commits. */
export async function holdPins(session: Session, lake: Lake): Promise<void> {
  for (const table of await lake.everywhere('pins'))
    await session.run(`UPDATE ${table} SET snapshot = NULL WHERE id = ''`);
}

/**
 * Runs a read of a snapshot that upkeep must leave alone meanwhile. A pin costs two commits, so it is taken only when the read lasts,
 * long before a young snapshot could be expired; `atOnce` for snapshots that may be old.
 */
export async function whilePinned<T>(
  lake: Lake,
  { snapshot, reason, atOnce = false }: { snapshot: number; reason: string; atOnce?: boolean },
  work: () => Promise<T>,
): Promise<T> {
  const since = new Date();
  const forMs = 3 * limits.pinEveryMs;
  let pin: Promise<string> | undefined = atOnce ? takePin(lake, { snapshot, reason, forMs, since }) : undefined;
  await pin;
  const timer = setInterval(() => {
    pin = pin === undefined ? takePin(lake, { snapshot, reason, forMs, since }) : renew(lake, pin, forMs);
    // What fails is tried again the next time; the read itself goes on.
    pin.catch(() => {
      pin = undefined;
    });
  }, limits.pinEveryMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    const id = await pin?.catch(() => undefined);
    // A pin that stays expires by itself.
    if (id !== undefined) await releasePin(lake, id).catch(() => undefined);
  }
}

async function renew(lake: Lake, pin: Promise<string>, forMs: number): Promise<string> {
  const id = await pin;
  await extendPin(lake, id, forMs);
  return id;
}
