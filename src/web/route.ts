/**
 * Where the page is, as the part of its address behind `#`: so that every view can be sent to
 * somebody, and the back button works.
 */
import { isSessionId, type SessionId } from "../base/index.ts";

/** What is looked at beside the events of a session. */
export const panes = ["event", "state", "proof"] as const;

/** One of `panes`. */
export type Pane = (typeof panes)[number];

/** A session and a place in it. */
export interface SessionRoute {
  readonly page: "session";
  readonly id: SessionId;
  /** Seq of the event that is looked at; none at first. */
  readonly seq: number | undefined;
  readonly pane: Pane;
}

/** The list of sessions, or one of them. */
export type Route = { readonly page: "sessions" } | SessionRoute;

/** The route that an address names; the list of sessions for what names none. */
export function parseRoute(hash: string): Route {
  const [, page, id = "", seq, pane] = hash.split("/");
  if (page !== "session" || !isSessionId(id)) return { page: "sessions" };
  const at = /^\d{1,15}$/.test(seq ?? "") ? Number(seq) : undefined;
  return { page: "session", id, seq: at, pane: panes.find((known) => known === pane) ?? "event" };
}

/** The address of a route: what `parseRoute` reads. */
export function routeHash(route: Route): string {
  if (route.page === "sessions") return "#/";
  const { id, seq, pane } = route;
  if (seq === undefined) return `#/session/${id}`;
  return `#/session/${id}/${seq}${pane === "event" ? "" : `/${pane}`}`;
}
