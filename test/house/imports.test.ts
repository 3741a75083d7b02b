import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roomPathOf, whyForbidden } from './rooms.ts';
import { readSourceTree } from './source-tree.ts';

const files = readSourceTree();
const report = (violations: readonly string[]) => assert.equal(violations.length, 0, `\n${violations.join('\n')}\n`);

test('every file is in a room', () => {
  report(
    files
      .filter(({ path }) => roomPathOf(path) === undefined)
      .map(({ path }) => `${path}: no room of the house; add it to test/house/rooms.ts and docs/architecture.md`),
  );
});

test('imports keep to the floors and the doors', () => {
  report(
    files.flatMap(({ path, imports }) =>
      imports.flatMap((target) => {
        const reason = whyForbidden(path, target);
        return reason === undefined ? [] : [`${path} imports ${target}: ${reason}`];
      }),
    ),
  );
});

test('the rules themselves: what is forbidden and what is not', () => {
  const allowed = [
    ['pxe/a.ts', 'core/base/clock.ts'],
    ['pxe/a.ts', 'pxe/dhcp/b.ts'],
    ['flows/a.ts', 'inventory/b.ts'],
    ['images/build/a.ts', 'deploy-agent/native-command.ts'],
    ['core/flow/a.ts', 'core/database/b.ts'],
    ['lab/rack/a.ts', 'pxe/dhcp/dhcp-option-codec.ts'],
    ['lab/rack/a.ts', 'lab/bmc/emulated-bmc.ts'],
    ['cli/a.ts', 'lab/bmc/bmc-fleet.ts'],
    ['test/a.ts', 'bmc/ipmi/rakp-codec.ts'],
  ] as const;
  const forbidden = [
    ['pxe/a.ts', 'bmc/connect-bmc.ts'],
    ['pxe/a.ts', 'core/database/connect-database.ts'],
    ['inventory/a.ts', 'images/build-image.ts'],
    ['inventory/a.ts', 'flows/b.ts'],
    ['flows/a.ts', 'inventory/deep/b.ts'],
    ['core/base/a.ts', 'core/flow/b.ts'],
    ['lab/rack/a.ts', 'inventory/node-service.ts'],
    ['lab/bmc/a.ts', 'lab/topology.ts'],
    ['api/a.ts', 'lab/topology.ts'],
    ['cli/a.ts', 'test/house/rooms.ts'],
    ['test/a.ts', 'bmc/ipmi/rakp.ts'],
    ['strange/a.ts', 'core/base/clock.ts'],
  ] as const;
  for (const [from, to] of allowed) assert.equal(whyForbidden(from, to), undefined, `${from} → ${to}`);
  for (const [from, to] of forbidden) assert.notEqual(whyForbidden(from, to), undefined, `${from} → ${to}`);
});

test('no barrels: go-to-definition ends at the definition', () => {
  report(
    files.flatMap(({ path, reexportsAll }) =>
      /(^|\/)index\.ts$/.test(path) || reexportsAll ? [`${path}: import by the path of the file that defines`] : [],
    ),
  );
});

test('codecs and policies are pure', () => {
  const pure = new Set(['node:crypto', 'node:zlib', 'node:util', 'node:buffer', 'node:path', 'zod', 'yaml', '@peculiar/x509']);
  report(
    files
      .filter(({ path }) => /-(codec|policy)\.ts$/.test(path))
      .flatMap(({ path, packages }) =>
        packages
          .filter((name) => !pure.has(name))
          .map((name) => `${path} imports ${name}: a codec or policy has no I/O, clock or database`),
      ),
  );
});

test('core/base has no I/O and device rooms have no database or web framework', () => {
  const withoutIo = new Set(['node:crypto', 'node:util', 'node:events', 'node:buffer', 'node:v8', 'node:vm']);
  const store = new Set(['pg', 'kysely', 'fastify']);
  // The one place where native calls are declared: a value that rooms pass in, and that plain tests never load.
  const nativeCalls = 'core/base/linux-calls.ts';
  report(
    files
      .filter(({ path }) => !path.endsWith('.test.ts'))
      .flatMap(({ path, packages }) => {
        const bad = path.startsWith('core/base/')
          ? packages.filter((name) => !withoutIo.has(name) && !(path === nativeCalls && name === 'node:ffi'))
          : /^(pxe|bmc|hypervisor|deploy-agent|network\/ovn)\//.test(path)
            ? packages.filter((name) => store.has(name))
            : [];
        return bad.map((name) => `${path} imports ${name}`);
      }),
  );
});

test('only cli/ reads the environment', () => {
  report(
    files
      .filter(({ path, readsEnvironment }) => readsEnvironment && !/^(cli|test)\//.test(path))
      .map(({ path }) => `${path} reads process.env: take it as a parameter, cli/ is where configuration is read`),
  );
});
