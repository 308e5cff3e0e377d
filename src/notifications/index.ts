export { type Delivery, deliver } from './deliver.js';
export type { Notice } from './notice.js';
export { type Posted, type PostRequest, post } from './post.js';
export {
  eventsTold,
  type NotificationTarget,
  notificationTargets,
  type RunEvent,
  type RunEventName,
  runEventNames,
} from './run-event.js';
