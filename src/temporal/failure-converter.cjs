// Moves message and stack of failures into a payload, which the codec then encrypts. CommonJS, because the SDK loads it with
// `require`, from the sources as from a release, and bundles it with the workflows.
const { DefaultFailureConverter } = require('@temporalio/common');

exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
