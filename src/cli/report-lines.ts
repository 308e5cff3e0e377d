/** What is printed of the reports of a run: views of one run share a page. */
export function reportLines(reports: Readonly<Record<string, string>>): string[] {
  const views = new Map<string, string[]>();
  for (const [view, file] of Object.entries(reports)) views.set(file, [...(views.get(file) ?? []), view]);
  return [...views].map(([file, of]) => `report of ${of.join(', ')}: ${file}`);
}
