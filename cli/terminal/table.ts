/** Rows as aligned text. Cells are cut at the right with `…` so that a row fits `columns`; the widest column gives first. */
export interface TableColumn<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: 'left' | 'right';
}

const GAP = 2;
/** Below this a cut cell says nothing any more. */
const COLUMN_WIDTH_MIN = 6;

// Wide (CJK, emoji) characters are not expected in names of machines; code points are near enough.
const widthOf = (text: string) => [...text].length;
// eslint-disable-next-line no-control-regex -- control characters in names that strangers chose must not reach the terminal
const printable = (text: string) => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');

const fit = (text: string, width: number, align: 'left' | 'right') => {
  const points = [...text];
  const cut = points.length > width ? `${points.slice(0, width - 1).join('')}…` : text;
  return align === 'right' ? cut.padStart(width) : cut.padEnd(width);
};

function shrink(widths: number[], columns: number): void {
  const total = () => widths.reduce((sum, width) => sum + width, 0) + GAP * (widths.length - 1);
  while (total() > columns) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= COLUMN_WIDTH_MIN) return;
    widths[widest]! -= 1;
  }
}

export function formatTable<Row>(rows: readonly Row[], columns: readonly TableColumn<Row>[], terminalColumns?: number): string {
  const cells = rows.map((row) => columns.map(({ value }) => printable(value(row))));
  const widths = columns.map(({ title }, at) => Math.max(widthOf(title), ...cells.map((row) => widthOf(row[at]!))));
  if (terminalColumns !== undefined) shrink(widths, terminalColumns);
  const line = (texts: readonly string[]) =>
    texts
      .map((text, at) => fit(text, widths[at]!, columns[at]!.align ?? 'left'))
      .join(' '.repeat(GAP))
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...cells.map(line)].map((text) => `${text}\n`).join('');
}
