/**
 * A sign of life that is seen from other containers too: a socket in a folder that all of them
 * see. While its process lives, paused or not, the kernel lets others connect; once it is dead
 * nobody can, whatever it left behind.
 */
import * as net from "node:net";

/** What a path of a socket may have (unix(7)); a longer one would be cut without an error. */
const pathBytesMax = 107;

/** A socket that is being listened on. */
export interface SignOfLife {
  /** Stops listening, and removes the socket. */
  end(): Promise<void>;
}

/**
 * Listens on a socket `path` until `end`, or until this process dies; keeps no process alive.
 * `undefined` where that cannot be: the path is too long, or the file system has no sockets.
 */
export function showSignOfLife(path: string): Promise<SignOfLife | undefined> {
  if (Buffer.byteLength(path) > pathBytesMax) return Promise.resolve(undefined);
  const server = net.createServer((connection) => connection.destroy());
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen({ path, exclusive: true }, () => {
      server.unref();
      // What fails later is a connection of somebody who only wanted to know that it can be made.
      server.on("error", () => {});
      resolve({ end: () => new Promise((ended) => server.close(() => ended())) });
    });
  });
}

/**
 * Whether a process listens on the socket `path`. Only the kernel's word that nobody does counts
 * as no: where it cannot be asked, there may be somebody.
 */
export function isSignOfLife(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = net.connect({ path });
    connection.once("connect", () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", ({ code }: NodeJS.ErrnoException) => {
      connection.destroy();
      resolve(code !== "ECONNREFUSED" && code !== "ENOENT");
    });
  });
}
