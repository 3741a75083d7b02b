/** A refusal in Placement's terms; `code` is its own word for it (api-ref "Errors"), shown from microversion 1.23 on. */
export class PlacementError extends Error {
  override readonly name = 'PlacementError';
  readonly status: number;
  readonly code: string;
  constructor(status: number, message: string, code = 'placement.undefined_code') {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const CONCURRENT_UPDATE = 'placement.concurrent_update';

export const noProvider = (uuid: string) => new PlacementError(404, `No resource provider with uuid ${uuid} found`);
export const generationConflict = () =>
  new PlacementError(409, "Resource provider's generation already changed. Please update the generation and try again.", CONCURRENT_UPDATE);
