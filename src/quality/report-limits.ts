/** What a page shows at most, so that it opens quickly whatever the data: report.json has the rest. */
export const reportLimits = {
  /** Columns with a card of their own, over all views of the run; the others get a line in a table. */
  cards: 600,
  /** Columns compared with a reference that are drawn; those that drifted come first. */
  overlays: 100,
  /** Columns of example and sample rows. */
  rowColumns: 40,
  /** Columns named in one alert, and pairs of them. */
  alertColumns: 24,
  /** Examples that are shown without a click: of many failed rules, all would push the rest of the page away. */
  openExamples: 3,
  /** Letters of a name, a rule or a value. */
  textLetters: 160,
  /** Columns of the source that are named. */
  sourceColumns: 200,
} as const;

/** From where on a column is worth an alert. */
export const alertLimits = {
  missingShare: 0.5,
  correlation: 0.95,
  skewness: 10,
  zeroShare: 0.5,
  /** A text column with so many different values, and in more than this share of its rows. */
  manyTexts: 50,
  manyTextsShare: 0.5,
} as const;
