/** The id of a pipeline's schedule on the server. */
export const scheduleId = (project: string, pipeline: string): string => `${project}/${pipeline}`;
