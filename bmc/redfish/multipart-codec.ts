import type { JsonObject } from '../../core/base/json.ts';

/** The body of a multipart HTTP push update (DSP0266 §7.10): parameters first, then the file, which may be of any size. */
export interface UpdateForm {
  readonly contentType: string;
  /** What comes before the bytes of the file, and after them. */
  readonly head: Buffer;
  readonly tail: Buffer;
}

/** Quotes and line ends would end the header that the name is in. */
const fileNameOf = (name: string): string => name.replace(/[^\w.+-]/g, '_').slice(0, 128) || 'image';

export function encodeUpdateForm(form: {
  /** Of letters and digits, and nowhere in the file: 128 random bits are enough. */
  readonly boundary: string;
  readonly parameters: JsonObject;
  readonly oemParameters?: JsonObject;
  readonly fileName: string;
}): UpdateForm {
  const part = (name: string, type: string, more = '') =>
    `--${form.boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\nContent-Type: ${type}\r\n\r\n`;
  const json = (name: string, body: JsonObject) => `${part(name, 'application/json')}${JSON.stringify(body)}\r\n`;
  const head = [
    json('UpdateParameters', form.parameters),
    form.oemParameters === undefined ? '' : json('OemParameters', form.oemParameters),
    part('UpdateFile', 'application/octet-stream', `; filename="${fileNameOf(form.fileName)}"`),
  ];
  return {
    contentType: `multipart/form-data; boundary=${form.boundary}`,
    head: Buffer.from(head.join('')),
    tail: Buffer.from(`\r\n--${form.boundary}--\r\n`),
  };
}
