/**
 * Where a server may listen: checked before its data is opened, so that one which cannot listen
 * leaves nothing behind, and once more when it listens.
 */
import * as net from "node:net";
import { messageOf, ReachError } from "../base/index.ts";

/** A host and a port to listen on. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Throws `USAGE` for an address that cannot be listened on, and for one that others can reach
 * while `open`: while there are no tokens.
 */
export async function checkAddress(address: Address, open: boolean): Promise<void> {
  if (open) checkLoopback(address.host);
  const probe = net.createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once("error", reject);
      probe.listen(address, resolve);
    });
  } catch (error) {
    throw addressError(address, error);
  }
  await new Promise((resolve) => probe.close(resolve));
}

/** Throws `USAGE` when others than this machine can reach `host`. */
export function checkLoopback(host: string): void {
  if (host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host)) return;
  throw new ReachError("USAGE", `${host} can be reached by others, and there are no tokens`, {
    hint: "create one with `reach token create`, or listen on 127.0.0.1",
  });
}

/** `USAGE` for an address that cannot be listened on. */
export function addressError({ host, port }: Address, error: unknown): ReachError {
  const { code } = error as { code?: unknown };
  const why = code === "EADDRINUSE" ? "is taken" : "cannot be listened on";
  return new ReachError("USAGE", `${host}:${port} ${why}: ${messageOf(error)}`, {
    hint: "another one with --host and --port",
    cause: error,
  });
}
