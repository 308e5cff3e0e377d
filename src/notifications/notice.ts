import type { RunEvent } from './run-event.js';

/** What a message is made of: the event, and what is known around it. */
export interface Notice extends RunEvent {
  readonly project: string;
  readonly owner: string | undefined;
  readonly tags: readonly string[];
  /** When it happened, ISO: the same however often a message is sent. */
  readonly at: string;
  /** The run's page in the Web UI. */
  readonly url: string | undefined;
  /** Sent by hand, to see whether it arrives. */
  readonly test: boolean;
}

/** Open intervals, those of streams, end then. */
const endOfTime = '9999-';

const short = (time: string): string => time.replace(':00.000Z', 'Z').replace('T00:00Z', '');

/** `2026-11-24 – 2026-11-25` */
export const intervalText = ({ start, end }: { start: string; end: string }): string =>
  end.startsWith(endOfTime) ? `from ${short(start)} on` : `${short(start)} – ${short(end)}`;
