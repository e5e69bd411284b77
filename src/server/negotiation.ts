/**
 * Choosing a representation by the `Accept` header (RFC 9110, 12.5.1), with qualities, and telling
 * caches about it.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { HttpError } from "./problem.ts";

interface Range {
  readonly type: string;
  readonly quality: number;
}

/**
 * The media type of `offered` that the request likes best, the first of them where it likes several
 * alike. Throws `NOT_ACCEPTABLE`. Caches are told that answers differ by it, and by who asks.
 */
export function negotiate<Offered extends string>(
  request: FastifyRequest,
  reply: FastifyReply,
  offered: readonly Offered[],
): Offered {
  vary(reply, "Accept, Authorization");
  const { accept } = request.headers;
  if (accept === undefined || accept.trim() === "") return offered[0] as Offered;
  const ranges = parse(accept);
  let best: Offered | undefined;
  let bestQuality = 0;
  for (const type of offered) {
    const quality = qualityOf(type, ranges);
    if (quality <= bestQuality) continue;
    best = type;
    bestQuality = quality;
  }
  if (best !== undefined) return best;
  throw new HttpError("NOT_ACCEPTABLE", "there is no representation that the request accepts", {
    hint: `there are ${offered.join(", ")}`,
  });
}

/** Tells caches by which headers of requests answers differ, beside those that were told before. */
export function vary(reply: FastifyReply, names: string): void {
  const before = reply.getHeader("vary");
  reply.header("vary", `${before === undefined ? "" : `${before}, `}${names}`);
}

function parse(accept: string): Range[] {
  return accept.split(",").flatMap((part) => {
    const [type = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    if (!/^[^\s/]+\/[^\s/]+$/.test(type)) return [];
    const q = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    const quality = q === undefined ? 1 : Number(q);
    return [{ type, quality: quality >= 0 && quality <= 1 ? quality : 0 }];
  });
}

/** The quality of the most specific range that covers a type. */
function qualityOf(type: string, ranges: readonly Range[]): number {
  const group = `${type.slice(0, type.indexOf("/"))}/*`;
  for (const wanted of [type, group, "*/*"]) {
    const found = ranges.filter((range) => range.type === wanted);
    if (found.length > 0) return Math.max(...found.map(({ quality }) => quality));
  }
  return 0;
}
