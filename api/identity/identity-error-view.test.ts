import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendIdentityError } from './identity-error-view.ts';

/** What a client gets for an error of this kind. */
function answerTo(error: unknown): { status: number; message: string } {
  const sent = { status: 0, message: '' };
  const reply = {
    header: () => reply,
    headers: () => reply,
    status: (status: number) => Object.assign(reply, { sent: Object.assign(sent, { status }) }),
    send: (body: { error: { message: string } }) => Object.assign(sent, { message: body.error.message }),
  };
  sendIdentityError(error, { protocol: 'http', host: 'cloud' } as never, reply as never);
  return sent;
}

const databaseError = (code: string) => Object.assign(new Error('inside'), { code });

for (const [what, error, status, message] of [
  ['a full disk', databaseError('53100'), 503, /disk of the database is full/],
  ['an absent database', databaseError('ECONNREFUSED'), 503, /does not answer/],
  ['a zero byte in a text', databaseError('22021'), 400, /can not be stored/],
  ['a bug', new TypeError('x of undefined'), 500, /unexpected error/],
] as const)
  test(`${what} is ${status}, without its inside`, () => {
    const answer = answerTo(error);
    assert.equal(answer.status, status);
    assert.match(answer.message, message);
    assert.doesNotMatch(answer.message, /inside|undefined/);
  });
