/** A refusal in Keystone's terms; the API turns it into `{"error": {code, message, title}}`. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

export const badRequest = (message: string) => new IdentityError(400, message);
export const notFound = (noun: string, id: string) => new IdentityError(404, `Could not find ${noun}: ${id}.`);
export const conflict = (noun: string, why: string) => new IdentityError(409, `Conflict occurred attempting to store ${noun} - ${why}.`);
export const forbidden = (message = 'You are not authorized to perform the requested action.') => new IdentityError(403, message);
/** Says nothing about why: whoever guesses learns nothing. */
export const unauthorized = (message = 'The request you have made requires authentication.') => new IdentityError(401, message);
