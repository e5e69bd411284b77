/**
 * The route of the page, from the part of its address behind `#`; another one when somebody goes
 * there, also with the back button.
 */
import { useEffect, useState } from "preact/hooks";
import { parseRoute, type Route } from "./route.ts";

/** Where the page is. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const onHash = (): void => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", onHash);
    return () => removeEventListener("hashchange", onHash);
  }, []);
  return route;
}
