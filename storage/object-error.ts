/** A refusal in HTTP's terms, as object storage's API knows no others. */
export class ObjectError extends Error {
  override readonly name = 'ObjectError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const notFound = () => new ObjectError(404, 'The resource could not be found.');
export const preconditionFailed = () => new ObjectError(412, 'A precondition for this request was not met.');
