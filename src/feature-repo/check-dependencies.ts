import type { Pipeline } from '../definitions/index.js';
import { didYouMean } from '../did-you-mean.js';
import { DefinitionError } from '../errors.js';

/**
 * What `after()` names must be there, and no pipeline may wait for itself.
 * @throws DefinitionError
 */
export function checkDependencies(pipelines: ReadonlyMap<string, Pipeline>): void {
  for (const pipeline of pipelines.values()) {
    for (const upstream of upstreamOf(pipeline)) {
      if (pipelines.has(upstream)) continue;
      const known = [...pipelines.keys()].filter((name) => name !== pipeline.name);
      throw new DefinitionError(`it runs after pipeline "${upstream}", which no file exports`, {
        where: `pipeline "${pipeline.name}"`,
        mend: `${didYouMean(upstream, known)}there are ${known.join(', ') || 'no others'}`,
      });
    }
  }
  for (const name of pipelines.keys()) {
    const circle = circleFrom(pipelines, [name]);
    if (circle === undefined) continue;
    throw new DefinitionError(`pipelines wait for each other: ${circle.join(' after ')}`, {
      where: `pipeline "${name}"`,
      mend: 'give one of them a schedule of its own, such as daily()',
    });
  }
}

const upstreamOf = ({ schedule }: Pipeline): readonly string[] => (schedule.type === 'after' ? schedule.pipelines : []);

/** The way from a pipeline back to itself. */
function circleFrom(pipelines: ReadonlyMap<string, Pipeline>, start: readonly [string]): readonly string[] | undefined {
  const seen = new Set<string>();
  const ways: string[][] = [[...start]];
  for (let way = ways.pop(); way !== undefined; way = ways.pop()) {
    const last = pipelines.get(way.at(-1) ?? '');
    for (const upstream of last === undefined ? [] : upstreamOf(last)) {
      if (upstream === start[0]) return [...way, upstream];
      if (seen.has(upstream)) continue;
      seen.add(upstream);
      ways.push([...way, upstream]);
    }
  }
  return undefined;
}
