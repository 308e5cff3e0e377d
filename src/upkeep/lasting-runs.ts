import type { Lake } from '../lake/index.js';

/**
 * A query of the runs whose records stay, however old: those of once(), and of pipelines that catch up the newest that completed each
 * interval. Without them a deploy would take what they did for undone, and do it again.
 */
export function lastingRuns(lake: Lake): string {
  const events = lake.system('run_events');
  const [start, end] = ['start', 'end'].map((side) => `json_extract_string(opened.detail, '$.interval.${side}')`);
  return `SELECT run_id FROM ${events} WHERE event = 'opened' AND json_extract_string(detail, '$.trigger') = 'once'
    UNION ALL
    SELECT arg_max(opened.run_id, closed.recorded_at) FROM ${events} AS opened JOIN ${events} AS closed USING (run_id)
    WHERE opened.event = 'opened' AND closed.event = 'closed' AND json_extract_string(closed.detail, '$.status') = 'completed'
      AND opened.pipeline IN (SELECT name FROM ${lake.system('registry_objects')}
        WHERE kind = 'pipeline' AND json_extract_string(spec, '$.catchup') = 'true')
    GROUP BY opened.pipeline, ${start}, ${end}`;
}
