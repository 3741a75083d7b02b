/** A refusal in Nova's terms: the status decides the name of the error in the body. */
export class ComputeError extends Error {
  override readonly name = 'ComputeError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const badRequest = (message: string) => new ComputeError(400, message);
export const forbidden = (message: string) => new ComputeError(403, message);
export const notFound = (message: string) => new ComputeError(404, message);
export const conflict = (message: string) => new ComputeError(409, message);
/** What this kind of machine can not do. */
export const notImplemented = (message: string) => new ComputeError(501, message);
