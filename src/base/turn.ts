/**
 * Leaving the thread to others for a moment, in whatever runs this: a server answers meanwhile, a
 * page draws and hears its user.
 */

/** What the ends of a `MessageChannel` are in browsers. */
interface WebPort {
  onmessage: (() => void) | null;
  postMessage(message: null): void;
  close(): void;
}

function messageTurn(): Promise<void> {
  const channel = new MessageChannel();
  const [here, there] = [channel.port1, channel.port2] as unknown as [WebPort, WebPort];
  return new Promise((resolve) => {
    here.onmessage = () => {
      here.close();
      resolve();
    };
    there.postMessage(null);
  });
}

/**
 * Resolves in a later turn of the event loop. Browsers have no `setImmediate`, and let a chain of
 * timers wait, 4 ms each, a second each where nobody looks at the page; messages come at once.
 */
export const nextTurn: () => Promise<void> =
  typeof setImmediate === "function"
    ? () => new Promise((resolve) => setImmediate(resolve))
    : messageTurn;
