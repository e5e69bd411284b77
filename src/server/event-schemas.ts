/**
 * Events as JSON: the schemas of what is sent and of what is posted. Values that JSON has no form
 * for are written as `reach events --ndjson` writes them.
 */
import * as Type from "typebox";
import { encodeValue, limits } from "../base/index.ts";
import { payloadForms } from "../event/index.ts";
import type { NewEvent } from "../session/index.ts";
import { type PayloadChoice, payloadChoices } from "./pages/json-writer.ts";
import { Kind, oneOf, Seq, SessionIdParam, Sha256 } from "./schemas.ts";

/** One event as JSON. */
export const EventObject = Type.Object(
  {
    seq: Seq,
    time: Type.Integer({ minimum: 0, description: "Milliseconds since the epoch, as recorded." }),
    kind: Kind,
    type: Type.String(),
    ref: Type.Union([Seq, Type.Null()], { description: "The event that this one answers." }),
    form: Type.Optional(oneOf(payloadForms)),
    data: Type.Optional(
      Type.Unknown({
        description:
          "What JSON has no form for is an object with one member: `$bytes` (base64), `$bigint`, " +
          "`$number` (NaN, Infinity, -0), `$undefined`; an object that looks like one of them is " +
          '`{"$object": [[key, value]]}`.',
      }),
    ),
    blob: Type.Optional(
      Type.Object(
        { sha256: Sha256, size: Type.Integer({ minimum: 0 }) },
        { description: "A payload in the store: `/v1/blobs/{sha256}`." },
      ),
    ),
  },
  { $id: "Event", additionalProperties: false },
);

/** A page of events as JSON. */
export const EventPage = Type.Object(
  {
    id: SessionIdParam,
    events: Type.Array(EventObject),
    next: Type.Integer({
      minimum: -1,
      description: "What `after` is for the next page: the last seq that was looked at.",
    }),
    more: Type.Optional(
      Type.Boolean({ description: "Whether there is more now; not said of pages by number." }),
    ),
  },
  { $id: "EventPage", additionalProperties: false },
);

/** How much of payloads is sent. */
export const Payload: ReturnType<typeof oneOf<PayloadChoice>> = oneOf(payloadChoices, {
  description:
    "`inline`: payloads whole, as far as a page has room, the rest by reference; `ref`: those " +
    "above 4 KiB by reference; `none`. CBOR holds events as they are stored: by reference.",
});

/** Which events of a session. */
export const PageQuery = Type.Object(
  {
    after: Type.Optional(
      Type.Integer({
        minimum: -1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: "Begin behind this seq; default -1, from the beginning.",
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.pageEventsMax })),
    type: Type.Optional(
      Type.String({ maxLength: 256, description: "Only this type; `*` stands for anything." }),
    ),
    kind: Type.Optional(
      Type.String({
        maxLength: 200,
        pattern: "^[a-z]+(,[a-z]+)*$",
        description: "Only these kinds, separated by commas.",
      }),
    ),
    payload: Type.Optional(Payload),
  },
  { additionalProperties: false },
);

/** An event to append. */
export const NewEventObject = Type.Object(
  {
    type: Type.String({
      maxLength: 256,
      description: "Your word for it: at most 256 bytes of UTF-8, without lone surrogates.",
    }),
    data: Type.Optional(Type.Unknown({ description: "Any value; `null` by default." })),
    kind: Type.Optional(Kind),
    time: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: "Milliseconds since the epoch; default now.",
      }),
    ),
    ref: Type.Optional(Type.Union([Seq, Type.Null()])),
  },
  { additionalProperties: false },
);

/** One event, or many. */
export const NewEvents = Type.Union([
  NewEventObject,
  Type.Array(NewEventObject, { minItems: 1, maxItems: limits.appendEventsMax }),
]);

/** An event as it is appended: the value is encoded once, here. */
export function newEventOf(event: Type.Static<typeof NewEventObject>, now: number): NewEvent {
  const { type, kind = "emit", time = now, ref = null } = event;
  // CBOR tells data that is undefined from data that was left out.
  const data = "data" in event ? event.data : null;
  return { type, kind, time, ref, form: "cbor", bytes: encodeValue(data) };
}
