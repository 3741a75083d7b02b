import { join } from 'node:path';
import { wrongInstanceInfo, type Fault } from './fault.ts';

const PORT = 8099;
const SERVER_PROGRAM = join(import.meta.dirname, 'short-image-server.ts');

export const shortDownload: Fault = {
  name: 'short-download',
  part: 'operator',
  does: 'the image lies on a server that closes every connection half-way',
  expects: 'deploy failed, the cause names how much came; from a whole server the machine becomes active',
  needsDeployment: true,
  mistake: wrongInstanceInfo(
    ({ rack, instanceInfo }) => ({ image_source: `http://${rack.spec.network.address}:${PORT}/${String(instanceInfo['image_source'])}` }),
    {
      cause: /\d+ of \d+ bytes/,
      advice: /incomplete|upload it again/,
    },
  ),
  async disturb({ rack, runDirectory, imagePath }) {
    const server = await rack.runInside(
      [process.execPath, '--disable-warning=ExperimentalWarning', SERVER_PROGRAM, imagePath, `${rack.spec.network.address}:${PORT}`],
      { logFile: join(runDirectory, 'short-image-server.log') },
    );
    return { stop: async () => void (await server.kill('SIGTERM')) };
  },
};
