/**
 * Terminal recordings, asciicast 2 and 3: a header, then `[time, code, data]`. Output and keys are
 * counted, markers are the messages; a recording has no calls.
 */
import type { Lens } from "../facts.ts";
import { isMembers, itemsOf, membersOf, textOf } from "../shape.ts";

const roles: ReadonlyMap<string, string> = new Map([
  ["o", "output"],
  ["i", "keys"],
]);

/** The lens for asciicast. */
export const asciicast: Lens = {
  format: "asciicast",

  fits(type, data) {
    if (type === "header" && isMembers(data)) {
      const { version } = data as { version?: unknown };
      return (version === 2 && "width" in data) || (version === 3 && isMembers(data["term"]));
    }
    const [time, code] = itemsOf(data);
    return /^[oirmx]$/.test(type) && typeof time === "number" && code === type;
  },

  reads(type) {
    return type === "header" || /^[oimx]$/.test(type);
  },

  read(event, facts) {
    if (event.type === "header") {
      const header = membersOf(event.data);
      facts.title(textOf(header["title"]) ?? textOf(header["command"]) ?? "");
      return;
    }
    const text = textOf(itemsOf(event.data)[2]) ?? "";
    const role = roles.get(event.type);
    if (role !== undefined) facts.message(role, text, true);
    else if (event.type === "m") facts.message("marker", text);
    else if (text !== "0") facts.error(`exit status ${text}`);
  },
};
