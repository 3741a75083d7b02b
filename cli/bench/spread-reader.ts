import { readImage, type Giving } from '../../deploy-agent/read-image.ts';

/** A process that is one machine of a rack that gets an image: `URL HELD-BYTES well|slowly|corrupt|alone`. */
const [url = '', heldBytes = '0', how = 'well'] = process.argv.slice(2);
const isAlone = how === 'alone';
const read = await readImage({ url: new URL(url), heldBytesMax: Number(heldBytes), giving: isAlone ? 'well' : (how as Giving), isAlone });
process.stdout.write(JSON.stringify(read));
// It would go on giving for a while.
process.exit(0);
