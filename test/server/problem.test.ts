// What an answer says about a failure: all of it where it is about the session that was asked for,
// nothing about the inside of the server.

import { expect, test } from "vitest";
import { ReachError } from "../../src/base/index.ts";
import { problemOf } from "../../src/server/problem.ts";

test("a program that does not come back is told, with the event and without paths", () => {
  const message = "`reduce` of /home/ann/agent.ts does not come back from event 5, after 30 s";
  const error = new ReachError("WORKER_FAILED", message, { where: "some-id@5", hint: "look" });
  expect(problemOf(error, "request")).toMatchObject({
    status: 500,
    code: "WORKER_FAILED",
    detail: "`reduce` of … does not come back from event 5, after 30 s",
    where: "some-id@5",
    hint: "look",
  });
});

test("of a fault of the server its log says more", () => {
  const { detail, hint } = problemOf(new ReachError("BUG", "secret", { hint: "none" }), "request");
  expect(detail).toContain("its log says more");
  expect(hint).toBeUndefined();
});
