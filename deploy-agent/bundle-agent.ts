import { rolldown } from 'rolldown';

/** The agent, or a part of it that begins in `input`, as one module without paths of this machine: what a ramdisk has in place of sources. */
export async function bundleAgent(input: string, version: string): Promise<string> {
  const bundle = await rolldown({
    input,
    platform: 'node',
    external: /^node:/,
    transform: { define: { AGENT_VERSION: JSON.stringify(version) } },
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false, comments: false });
  await bundle.close();
  return output[0].code.replace(/^\/\/#(?:end)?region.*\n/gm, '');
}
