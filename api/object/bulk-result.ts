import { STATUS_CODES } from 'node:http';
import type { Answer } from '../service-plugin.ts';
import { escapeXml, type Format } from './listing-view.ts';

/** What many small requests in one came to. The answer is always 200: its body has the status. */
export interface BulkResult {
  done: number;
  notFound: number;
  readonly errors: [path: string, status: string][];
  /** Why it ended before its end. */
  refusal?: { readonly status: number; readonly message: string };
}

export const statusLine = (status: number): string => `${status} ${STATUS_CODES[status] ?? ''}`;

export function bulkAnswer(result: BulkResult, kind: 'delete' | 'extract', format: Format): Answer {
  const { done, notFound, errors, refusal } = result;
  const isNothing = done === 0 && notFound === 0 && errors.length === 0;
  const success = kind === 'extract' ? 201 : 200;
  const failure = errors.some(([, status]) => status.startsWith('5')) ? 502 : 400;
  const status = refusal?.status ?? (errors.length > 0 ? failure : isNothing ? 400 : success);
  const empty = kind === 'delete' ? 'Invalid bulk delete.' : 'Invalid Tar File: No Valid Files';
  const report: Record<string, unknown> = {
    ...(kind === 'extract' ? { 'Number Files Created': done } : { 'Number Deleted': done, 'Number Not Found': notFound }),
    'Response Status': statusLine(status),
    'Response Body': refusal?.message ?? (isNothing ? empty : ''),
    Errors: errors.map(([path, line]) => [encodeURI(path), line]),
  };
  return { status: 200, ...render(report, kind, format) };
}

function render(report: Record<string, unknown>, kind: string, format: Format): Pick<Answer, 'body' | 'headers'> {
  if (format === 'json') return { body: Buffer.from(JSON.stringify(report)), headers: { 'content-type': 'application/json' } };
  const errors = report['Errors'] as [string, string][];
  const plain = Object.entries(report).filter(([key]) => key !== 'Errors');
  if (format === 'text') {
    const lines = [...plain.map(([key, value]) => `${key}: ${String(value)}`), 'Errors:', ...errors.map((pair) => pair.join(', '))];
    return { body: Buffer.from(lines.join('\n')), headers: { 'content-type': 'text/plain' } };
  }
  const tag = (key: string) => key.toLowerCase().replaceAll(' ', '_');
  const fields = plain.map(([key, value]) => `<${tag(key)}>${escapeXml(String(value))}</${tag(key)}>`).join('');
  const told = errors
    .map(([name, status]) => `<object><name>${escapeXml(name)}</name><status>${escapeXml(status)}</status></object>`)
    .join('');
  return { body: Buffer.from(`<${kind}>${fields}<errors>${told}</errors></${kind}>`), headers: { 'content-type': 'application/xml' } };
}
