import { writeImageToFile } from '../../deploy-agent/write-image-to-file.ts';

/** A process that does the agent's `write_image` once: `URL FILE SHA256 BYTES`. */
const [url = '', path = '', sha256 = '', bytes = '0'] = process.argv.slice(2);
const result = await writeImageToFile({ url, path, sha256, compression: 'zstd', diskBytes: Number(bytes) });
process.stdout.write(JSON.stringify(result));
