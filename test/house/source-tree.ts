import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

/** The sources as the house rules see them: paths relative to the root, imports and functions from the syntax tree. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  /** Relative imports, as paths from the root; of types too: they tie rooms together just as much. */
  readonly imports: readonly string[];
  /** Packages and `node:` modules. */
  readonly packages: readonly string[];
  /** `export * from`. */
  readonly reexportsAll: boolean;
  /** Looks at a variable of the environment; handing it all on to a child process is no reading. */
  readonly readsEnvironment: boolean;
  readonly functions: readonly { readonly line: number; readonly ownLines: number }[];
}

interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export const ROOT = join(import.meta.dirname, '../..');
const NOT_OURS = new Set(['node_modules', '.cache', '.git', 'data', 'lab-runs']);
const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
const WITH_SOURCE = new Set(['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration', 'ImportExpression', 'TSImportType']);

const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === 'object' && value !== null && typeof (value as SyntaxNode).type === 'string';

function* childrenOf(node: SyntaxNode): Generator<SyntaxNode> {
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) yield* value.filter(isNode);
    else if (isNode(value)) yield value;
  }
}

function* allNodes(node: SyntaxNode): Generator<SyntaxNode> {
  yield node;
  for (const child of childrenOf(node)) yield* allNodes(child);
}

function importedName({ source, argument }: SyntaxNode): string | undefined {
  const literal = isNode(source) ? source : isNode(argument) ? argument : undefined;
  const value = isNode(literal?.['literal']) ? literal['literal']['value'] : literal?.['value'];
  return typeof value === 'string' ? value : undefined;
}

/** Lines of a function without those of the functions inside it: a factory of many small closures is not a long function. */
function ownLinesOf(node: SyntaxNode, lineAt: (offset: number) => number): number {
  let lines = lineAt(node.end) - lineAt(node.start) + 1;
  const subtract = (inner: SyntaxNode): void => {
    for (const child of childrenOf(inner)) {
      if (FUNCTIONS.has(child.type)) lines -= lineAt(child.end) - lineAt(child.start);
      else subtract(child);
    }
  };
  subtract(node);
  return lines;
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const lineStarts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)];
  const lineAt = (offset: number) => {
    let low = 0;
    let high = lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (lineStarts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
  const nodes = [...allNodes(parseAst(text, { lang: 'ts' }) as unknown as SyntaxNode)];
  const names = nodes.filter(({ type }) => WITH_SOURCE.has(type)).flatMap((node) => importedName(node) ?? []);
  return {
    path,
    text,
    imports: names.filter((name) => name.startsWith('.')).map((name) => normalize(join(dirname(path), name))),
    packages: names.filter((name) => !name.startsWith('.')),
    reexportsAll: nodes.some(({ type }) => type === 'ExportAllDeclaration'),
    readsEnvironment: nodes.some(
      ({ type, object }) => type === 'MemberExpression' && isNode(object) && text.slice(object.start, object.end) === 'process.env',
    ),
    functions: nodes
      .filter(({ type }) => FUNCTIONS.has(type))
      .map((node) => ({ line: lineAt(node.start), ownLines: ownLinesOf(node, lineAt) })),
  };
}

/** Every file of ours with this ending, wherever it lies. */
export const listFiles = (pattern: string): string[] =>
  globSync(pattern, { cwd: ROOT, exclude: (path) => NOT_OURS.has(path.split('/').at(-1)!) }).sort();

export const readSourceTree = (): SourceFile[] => listFiles('**/*.ts').map(readSource);
