/** A time as text; one without a zone is UTC, whatever the zone of the machine. An invalid Date when it is none. */
export function parseUtc(text: string): Date {
  const hasZone = /(z|[+-]\d\d:?\d\d)$/i.test(text.trim());
  const isDateOnly = !/\d[t ]\d/i.test(text.trim());
  return new Date(hasZone || isDateOnly ? text : `${text.trim().replace(' ', 'T')}Z`);
}
