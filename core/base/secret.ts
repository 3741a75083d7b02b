import { inspect } from 'node:util';

/**
 * A credential that cannot be printed by accident: every way JavaScript turns a value into text gives `***`.
 * `reveal()` is the only way out, so a grep for it finds every use.
 */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return '***';
  }
  toJSON(): string {
    return '***';
  }
  [inspect.custom](): string {
    return '***';
  }
}
