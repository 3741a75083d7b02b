import type { JsonObject } from '../../../core/base/json.ts';
import type { AgentError, AgentErrorCode } from '../../protocol.ts';

/** What the person at the control plane can do about each cause; a step may say it better for its case. */
const ADVICE: Readonly<Record<AgentErrorCode, string>> = {
  'image-checksum': 'compare the checksum of the image record with the file, register the image again, then deploy again',
  'image-short': 'the image file on the boot server is incomplete: upload it again, then deploy again',
  'image-unreachable': 'check that the boot server runs and that the image still exists, then deploy again',
  'image-format': 'check the format and compression that the image is registered with',
  'disk-too-small': 'choose a smaller image or a bigger root disk (root device hints)',
  'disk-not-found': 'inspect the machine again; the disk was removed or has failed',
  'disk-not-in-plan': 'inspect the machine again, so that the plan knows its disks as they are now',
  'disk-write': 'replace the disk or choose another one by root device hints',
  'no-root-device': 'loosen the root device hints or add a disk',
  'burn-in-failed': 'take the machine out of service and replace the part that the message names',
  'bmc-not-present': 'enter the BMC address and a user by hand',
  'bmc-refused': 'check the BMC user settings; the list of users may be full or the password may break its rules',
  'step-unknown': 'boot the machine again, so that it gets the agent that belongs to this control plane',
  'step-arguments': 'correct the arguments of the step',
  timeout: 'look at the progress before the limit; give the step more time if it was still moving',
  aborted: 'start the operation again when wanted',
  internal: 'report this with the agent log; the step can be tried again',
};

/** A step that ended with a named cause. */
export class AgentFailure extends Error {
  readonly report: AgentError;
  constructor(code: AgentErrorCode, message: string, evidence?: JsonObject, advice: string = ADVICE[code]) {
    super(message);
    this.report = { code, message, advice, ...(evidence ? { evidence } : {}) };
  }
}

/** Every error becomes a named cause; what nobody foresaw is `internal` with its text. */
export function describeFailure(error: unknown): AgentError {
  if (error instanceof AgentFailure) return error.report;
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'internal', message, advice: ADVICE.internal };
}
