import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { listFiles, ROOT } from './source-tree.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const TEXT_FILES = [
  ...listFiles('**/*.{ts,md,json,sh,txt,yaml,sql,script}'),
  ...listFiles('**/init'),
  'rackwright',
  '.ci/run',
  '.npmrc',
  'package-lock.json',
];

/** [what, why]. Written so that this file does not break its own rules. */
const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/\/work\//, 'a path of the machine it was written on'],
  [
    /registry\.(npmjs|yarnpkg)|npm\.pkg\.github|(deb|security)\.debian\.org|"resolved":/,
    "a package registry: the lock names versions and digests, where to get them is the installation's matter",
  ],
  [/\b(TODO|FIXME|XXX|HACK)\b/, 'do it, or say under "not there yet" that it is missing'],
  [/@ts-(ignore|expect-error|nocheck)/, 'the type checker is right until shown otherwise'],
  [/\b(test|it|describe)\.(skip|todo|only)\b|\bskip: (true|'|")/, 'a test runs or does not exist'],
];

test('nothing is written that the product does not need', () => {
  const found = TEXT_FILES.filter((path) => path !== 'test/house/text.test.ts').flatMap((path) =>
    read(path)
      .split('\n')
      .flatMap((line, at) =>
        FORBIDDEN.filter(([pattern]) => pattern.test(line)).map(([, why]) => `${path}:${at + 1}: ${why}: ${line.trim().slice(0, 100)}`),
      ),
  );
  assert.deepEqual(found, []);
});

test('paths in the map, the architecture and the READMEs exist', () => {
  const pages = ['README.md', ...listFiles('docs/**/*.md')];
  const missing = pages.flatMap((page) =>
    Array.from(read(page).matchAll(/`((?:\.\/)?[a-z][a-z0-9.-]*\/[a-zA-Z0-9._/-]*|\.ci\/run)`/g), ([, path]) => path!)
      .filter((path) => !existsSync(join(ROOT, path)))
      .map((path) => `${page}: ${path}`),
  );
  assert.deepEqual(missing, []);
});

test('links between pages lead somewhere', () => {
  const dead = ['README.md', ...listFiles('**/*.md')].flatMap((page) =>
    Array.from(read(page).matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g), ([, target]) => target!)
      .filter((target) => !existsSync(join(ROOT, page, '..', target)))
      .map((target) => `${page}: ${target}`),
  );
  assert.deepEqual(dead, []);
});

test("a room's README is one page", () => {
  const README_LINES_MAX = 40;
  const long = listFiles('*/**/README.md')
    .map((path) => ({ path, lines: read(path).trimEnd().split('\n').length }))
    .filter(({ lines }) => lines > README_LINES_MAX);
  assert.deepEqual(long, []);
});
