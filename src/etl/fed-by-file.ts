import path from 'node:path';
import { type AnyFeatureView, fileSource } from '../definitions/index.js';

/** The view as if the file were its source, so that pushed rows are read, checked and transformed as all others. */
export function fedByFile(view: AnyFeatureView, file: string): AnyFeatureView {
  const { timestampField, createdTimestampField } = view.source;
  const pushed = fileSource({
    name: 'pushed',
    path: path.resolve(file),
    timestampField,
    ...(createdTimestampField === undefined ? {} : { createdTimestampField }),
    ...(view.source.pii === undefined ? {} : { pii: { ...view.source.pii } }),
  });
  return view.kind === 'feature_view'
    ? { ...view, source: pushed }
    : { ...view, source: { ...view.source, batchSource: pushed } };
}
