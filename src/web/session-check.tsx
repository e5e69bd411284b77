/**
 * Verifies the whole session in this page, from the bundle that the server sends: every event,
 * every payload, the tree and its signatures.
 */
import type { SessionId } from "../base/index.ts";
import { CheckOutcome, useCheck } from "./checking.tsx";
import type { Connection } from "./connection.ts";

/** A button, then the verdict. */
export function SessionCheck({
  connection: { url, token, about },
  id,
}: {
  readonly connection: Connection;
  readonly id: SessionId;
}) {
  const [checking, check] = useCheck();
  const { verifierKey } = about;
  return (
    <p class="check">
      <button type="button" onClick={() => check({ of: { url, token, id }, verifierKey })}>
        Verify all of it here
      </button>{" "}
      <CheckOutcome checking={checking} />
    </p>
  );
}
