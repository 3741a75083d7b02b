import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSourceTree } from './source-tree.ts';

/** Past this a file asks to be split by noun. */
const FILE_LINES_MAX = 500;
/** Counted without the functions inside it. */
const FUNCTION_OWN_LINES_MAX = 70;
/** What a migration does once is easier read in one piece; a test is a story. */
const MAY_BE_LONG = /\.test\.ts$|\/migrations\//;

const files = readSourceTree();

test(`no file has more than ${FILE_LINES_MAX} lines`, () => {
  const long = files.map(({ path, text }) => ({ path, lines: text.split('\n').length })).filter(({ lines }) => lines > FILE_LINES_MAX);
  assert.deepEqual(long, []);
});

test(`no function has more than ${FUNCTION_OWN_LINES_MAX} lines of its own`, () => {
  const long = files
    .filter(({ path }) => !MAY_BE_LONG.test(path))
    .flatMap(({ path, functions }) =>
      functions
        .filter(({ ownLines }) => ownLines > FUNCTION_OWN_LINES_MAX)
        .map(({ line, ownLines }) => `${path}:${line}: ${ownLines} lines`),
    );
  assert.deepEqual(long, []);
});
