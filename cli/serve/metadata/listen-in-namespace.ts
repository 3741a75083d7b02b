import { createServer, type ListenOptions } from 'node:net';

/*
 * A program of a moment: started in a network namespace, it listens there, gives the sockets to who started it and ends. A socket stays in the namespace in which it
 * was made, so that one process can answer in any number of them.
 */
const places = JSON.parse(process.argv[2]!) as ListenOptions[];
for (const place of places) {
  const server = createServer();
  server.on('error', (error) => say({ place, why: error.message }));
  server.listen(place, () => say({ place }, server));
}

let said = 0;
function say(message: object, server?: ReturnType<typeof createServer>): void {
  process.send!(message, server, undefined, () => {
    said += 1;
    if (said === places.length) process.exit(0);
  });
}
