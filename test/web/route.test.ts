// The part of an address behind `#` says what is shown, and nothing else can get in that way.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newSessionId, systemClock, systemEntropy } from "../../src/base/index.ts";
import { panes, parseRoute, type Route, routeHash } from "../../src/web/route.ts";

const id = newSessionId(systemClock, systemEntropy);

describe("an address of the observer's page", () => {
  it("leads where it was made", () => {
    const routes: Route[] = [
      { page: "sessions" },
      { page: "session", id, seq: undefined, pane: "event" },
      ...panes.map((pane) => ({ page: "session", id, seq: 48_213, pane }) as const),
    ];
    for (const route of routes) expect(parseRoute(routeHash(route))).toEqual(route);
  });

  it("that is none leads to the list, whatever it is", () => {
    for (const hash of ["", "#", "#/", "#/session", `#/session/${id.slice(1)}`, "#/x/y"]) {
      expect(parseRoute(hash), hash).toEqual({ page: "sessions" });
    }
    fc.assert(fc.property(fc.string(), (text) => parseRoute(`#/${text}`).page === "sessions"));
  });

  it("names no event that is none", () => {
    for (const seq of ["", "-1", "1.5", "x", "99999999999999999"]) {
      expect(parseRoute(`#/session/${id}/${seq}`), seq).toMatchObject({ seq: undefined });
    }
  });
});
