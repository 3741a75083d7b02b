import { AGAIN_MS } from './crowd-lease.ts';

/** Who waits for which answer: what a socket hears goes to its client. */
export function createHearing<Message>() {
  const waiting = new Map<number, (message: Message) => void>();
  return {
    heard: (client: number, message: Message): void => waiting.get(client)?.(message),
    /** The next answer that is wanted, or undefined after a while. */
    next: (client: number, isWanted: (message: Message) => boolean): Promise<Message | undefined> =>
      new Promise((resolve) => {
        const timer = setTimeout(() => resolve(undefined), AGAIN_MS);
        waiting.set(client, (message) => {
          if (!isWanted(message)) return;
          clearTimeout(timer);
          waiting.delete(client);
          resolve(message);
        });
      }),
  };
}
