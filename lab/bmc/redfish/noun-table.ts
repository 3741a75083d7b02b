import { biosResources } from './bios-resources.ts';
import { certificateResources } from './certificate-resources.ts';
import { eventResources } from './event-resources.ts';
import { logResources } from './log-resources.ts';
import { mediaResources } from './media-resources.ts';
import type { RedfishNoun } from './redfish-shapes.ts';
import { secureBootResources } from './secure-boot-resources.ts';
import { sensorResources } from './sensor-resources.ts';
import { storageResources } from './storage-resources.ts';
import { taskResources } from './task-resources.ts';
import { updateResources } from './update-resources.ts';

/** Every noun that has resources of its own file. */
export const REDFISH_NOUNS: readonly RedfishNoun[] = [
  biosResources,
  secureBootResources,
  mediaResources,
  updateResources,
  storageResources,
  sensorResources,
  logResources,
  taskResources,
  eventResources,
  certificateResources,
];
