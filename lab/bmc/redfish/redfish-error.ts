import type { JsonObject } from '../../../core/base/json.ts';

/** What a Redfish request comes to: status, body, headers. Errors have the ExtendedInfo form (DSP0266 §8.6). */
export interface RedfishReply {
  readonly status: number;
  readonly body?: JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of a body: lines that follow one another until the client hangs up; what it returns ends it. */
  readonly stream?: (write: (text: string) => void) => () => void;
}

const MESSAGES = {
  400: ['PropertyValueNotInList', 'A property has a value that is not allowed.'],
  401: ['NoValidSession', 'The request carries no valid credentials.'],
  403: ['InsufficientPrivilege', 'The user may not do this.'],
  404: ['ResourceMissingAtURI', 'There is no such resource.'],
  405: ['OperationNotAllowed', 'The method is not allowed on this resource.'],
  409: ['ResourceCannotBeDeleted', 'Not possible in the present state.'],
  412: ['PreconditionFailed', 'The ETag does not match the resource.'],
  413: ['PayloadTooLarge', 'The request is too large.'],
  428: ['PreconditionRequired', 'A change needs the ETag of the resource in If-Match.'],
  500: ['InternalError', 'The BMC failed.'],
  503: ['SessionLimitExceeded', 'All sessions are taken.'],
} as const;

export type RedfishErrorStatus = keyof typeof MESSAGES;

export function redfishError(status: RedfishErrorStatus, detail?: string): RedfishReply {
  const [id, text] = MESSAGES[status];
  const message = detail ?? text;
  const info = {
    '@odata.type': '#Message.v1_1_1.Message',
    MessageId: `Base.1.8.${id}`,
    Message: message,
    MessageSeverity: 'Critical',
    Resolution: 'Correct the request and send it again.',
  };
  return {
    status,
    body: { error: { code: `Base.1.8.${id}`, message, '@Message.ExtendedInfo': [info] } },
    ...(status === 401 ? { headers: { 'WWW-Authenticate': 'Basic realm="Redfish"' } } : {}),
  };
}
