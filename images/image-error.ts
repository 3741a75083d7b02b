/** A refusal in Glance's terms; the API gives it Glance's form. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const noImage = (id: string) => new ImageError(404, `Failed to find image ${id}`);
