import { writeReport } from '../../src/quality/index.js';

// Writes the reports of some views of one run, as the steps of those views would in one worker.
const [directory = '', name = '', count = '0'] = process.argv.slice(2);
for (let n = 0; n < Number(count); n += 1) {
  writeReport({
    directory,
    report: {
      project: 'p',
      view: `${name}_${n}`,
      pipeline: 'l',
      runId: 'r',
      startedAt: '2022-01-01T00:00:00Z',
      quality: 'passed',
      profile: { rows: 0, quantilesAreApproximate: false, columns: [] },
      expectations: [],
      notes: [],
    },
  });
}
