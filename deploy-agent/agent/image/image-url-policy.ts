import type { BootParameters } from '../control/boot-parameters-codec.ts';

/** A path is one below the boot server's images for this boot; anything else must be http or https. */
export function resolveImageUrl(url: string, parameters: Pick<BootParameters, 'bootServer' | 'token'>): URL | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(url)) {
    const whole = URL.canParse(url) ? new URL(url) : undefined;
    return whole && /^https?:$/.test(whole.protocol) ? whole : undefined;
  }
  if (!parameters.bootServer || url === '' || url.split('/').includes('..')) return undefined;
  const path = url.split('/').filter(Boolean).map(encodeURIComponent).join('/');
  return new URL(`/images/${parameters.token}/${path}`, parameters.bootServer);
}
