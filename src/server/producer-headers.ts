/**
 * The headers by which whoever numbers its appends has each of them appended once: who it is, which
 * instance of it, and the number.
 */
import * as Type from "typebox";
import type { AppendProducer } from "./appends.ts";
import { HttpError } from "./problem.ts";

const digits = "^(0|[1-9][0-9]{0,14})$";

/** The headers, for the schemas of requests that append. */
export const producerHeaders = {
  "producer-id": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 256,
      description: "Exactly once: the server remembers what each producer has appended.",
    }),
  ),
  "producer-epoch": Type.Optional(
    Type.String({ pattern: digits, description: "Raised by each new instance of the producer." }),
  ),
  "producer-seq": Type.Optional(
    Type.String({ pattern: digits, description: "0, 1, 2, … within an epoch." }),
  ),
};

/** Who appends, if a request says so. Throws `REQUEST_INVALID` where it says a part of it. */
export function producerOf(
  headers: {
    readonly [Name in keyof typeof producerHeaders]?: string;
  },
): AppendProducer | undefined {
  const name = headers["producer-id"];
  const epoch = headers["producer-epoch"];
  const sequence = headers["producer-seq"];
  const given = [name, epoch, sequence].filter((value) => value !== undefined).length;
  if (given === 0) return undefined;
  if (name === undefined || epoch === undefined || sequence === undefined) {
    throw new HttpError("REQUEST_INVALID", "Producer-Id, -Epoch and -Seq belong together");
  }
  return { name, epoch: Number(epoch), sequence: Number(sequence) };
}
