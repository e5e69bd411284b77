// Ways to a server that break: every connection may end somewhere inside of a request or of its
// answer, where the numbers that are drawn say.

import * as net from "node:net";
import { onTestFinished } from "vitest";

/** How a way breaks. */
export interface Breaks {
  /** Draws numbers from 0 up to 1. */
  readonly bytes: () => number;
  /** Share of the connections that are cut. */
  readonly cut: number;
}

/** Most bytes after which a connection is cut, in one direction. */
const bytesMax = 600;

/** A proxy on this machine. */
export class Way {
  url = "";
  /** Connections that were cut. */
  cuts = 0;

  /** Opens a way that is gone with the test. */
  static async to({ port }: { readonly port: number }, { bytes, cut }: Breaks): Promise<Way> {
    const way = new Way();
    const open = new Set<net.Socket>();
    const proxy = net.createServer((client) => {
      const server = net.connect(port, "127.0.0.1");
      const isCut = bytes() < cut;
      const isRequest = bytes() < 0.5;
      let left = isCut ? Math.floor(bytes() * bytesMax) : Number.POSITIVE_INFINITY;
      for (const socket of [client, server]) {
        open.add(socket);
        socket.on("error", () => {}).on("close", () => open.delete(socket));
      }
      const pipe = (from: net.Socket, to: net.Socket, counts: boolean): void => {
        from.on("data", (data) => {
          to.write(counts ? data.subarray(0, left) : data);
          if (!counts) return;
          left -= data.length;
          if (left > 0) return;
          way.cuts += 1;
          client.destroy();
          server.end();
        });
        from.on("end", () => to.end()).on("close", () => to.end());
      };
      pipe(client, server, isRequest);
      pipe(server, client, !isRequest);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    onTestFinished(async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    });
    way.url = `http://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`;
    return way;
  }
}
