import { type AgentFile, isAgentFile } from '../files/agent-path.ts';
import { isSafeSegment } from '../files/served-file.ts';
import { IPXE_BINARIES } from '../model/boot-directory.ts';

/** What a request path means. Tokens are checked by the server: that needs the secret and the time. */
export type BootRoute =
  | { readonly kind: 'script'; readonly query: URLSearchParams }
  | { readonly kind: 'ipxe-binary'; readonly name: string }
  | { readonly kind: 'agent-file'; readonly token: string; readonly file: AgentFile }
  | { readonly kind: 'image'; readonly token: string; readonly segments: readonly string[] }
  | { readonly kind: 'spread'; readonly token: string; readonly segments: readonly string[]; readonly query: URLSearchParams }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'bad-path'; readonly reason: string };

const PATH_CHARACTERS_MAX = 4096;

const decodeSegment = (segment: string): string | undefined => {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
};

/** Doubled slashes mean one: firmware glues them together, and gives up when it is redirected. */
export function parseBootRoute(url: string): BootRoute {
  if (url.length > PATH_CHARACTERS_MAX) return { kind: 'bad-path', reason: 'the path is too long' };
  // A proxy's absolute form names the host first.
  const target = url.replace(/^https?:\/\/[^/]*/i, '');
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const segments: string[] = [];
  for (const raw of path.split('/')) {
    if (raw === '') continue;
    const segment = decodeSegment(raw);
    if (segment === undefined) return { kind: 'bad-path', reason: 'the path has a broken percent escape' };
    if (!isSafeSegment(segment)) return { kind: 'bad-path', reason: 'the path leads out of what is served' };
    segments.push(segment);
  }
  const [room, second, third, ...rest] = segments;
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
  if (room === 'spread' && second !== undefined && third !== undefined)
    return { kind: 'spread', token: second, segments: [third, ...rest], query };
  if (room === 'images' && second !== undefined && third !== undefined) return { kind: 'image', token: second, segments: [third, ...rest] };
  if (room !== 'boot' || second === undefined || rest.length > 0) return { kind: 'not-found' };
  if (third === undefined) {
    if (second === 'ipxe') return { kind: 'script', query };
    return IPXE_BINARIES.has(second) ? { kind: 'ipxe-binary', name: second } : { kind: 'not-found' };
  }
  return isAgentFile(third) ? { kind: 'agent-file', token: second, file: third } : { kind: 'not-found' };
}
