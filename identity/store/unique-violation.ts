/** PostgreSQL's codes for a row that exists already and for one that something points at or that points at nothing. */
const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';

async function translate<T>(work: Promise<T>, code: string, refusal: () => Error): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw (error as { code?: string }).code === code ? refusal() : error;
  }
}

export const onUnique = <T>(work: Promise<T>, refusal: () => Error) => translate(work, UNIQUE_VIOLATION, refusal);
export const onForeignKey = <T>(work: Promise<T>, refusal: () => Error) => translate(work, FOREIGN_KEY_VIOLATION, refusal);
