/**
 * Times as transcripts spell them, as milliseconds since the Unix epoch. Texts are ISO 8601 with
 * any number of decimals; without a zone they are UTC, since the machine that imports must not
 * matter. Numbers are seconds, milliseconds, microseconds or nanoseconds, told by magnitude.
 */

const day = /(\d{4})-(\d\d)-(\d\d)/.source;
const clock = /(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?/.source;
const zone = /(Z|[+-]\d\d(?::?\d\d)?)?/.source;
const isoShape = new RegExp(`^${day}(?:[T ]${clock} ?${zone})?$`, "i");
/**
 * How nearly all times are spelled, and all in each field in range: these the engine reads by
 * itself, in a third of the time (measured). Days that only some months have are left out.
 */
const usualDate = /(?:19[7-9]\d|[2-9]\d{3})-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])/.source;
const usualClock = /(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}/.source;
const usualShape = new RegExp(`^${usualDate}T${usualClock}Z$`);
const numberShape = /^\d{1,20}(?:\.\d{1,12})?$/;
const textCharsMax = 64;

/** Milliseconds of an ISO 8601 text, or `null` if it is none or lies before 1970. */
function timeOfText(text: string): number | null {
  if (text.length > textCharsMax) return null;
  if (usualShape.test(text)) return Date.parse(text);
  const parts = isoShape.exec(text);
  if (!parts) return numberShape.test(text) ? timeOfNumber(Number(text)) : null;
  const [, year, month, date, hour = "0", minute = "0", second = "0", decimals, offset] = parts;
  if (+year! < 1970 || +hour! > 24 || +minute! > 59 || +second! > 60) return null;
  const midnight = Date.UTC(+year!, +month! - 1, +date!);
  // Date.UTC lets the 31st of June pass as the 1st of July.
  if (new Date(midnight).getUTCDate() !== +date! || +month! < 1 || +month! > 12) return null;
  const fraction = decimals === undefined ? 0 : Number(`${decimals}000`.slice(0, 3));
  const inDay = ((+hour! * 60 + +minute!) * 60 + +second!) * 1000 + fraction;
  return wholeMs(midnight + inDay - zoneMs(offset));
}

function zoneMs(offset: string | undefined): number {
  if (offset === undefined || offset === "Z" || offset === "z") return 0;
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(-2)) * +(offset.length > 3);
  return (offset.startsWith("-") ? -minutes : minutes) * 60_000;
}

/** Seconds reach 1e11 in the year 5138, milliseconds 1e14 then, and so on. */
function timeOfNumber(number: number): number | null {
  // By way of microseconds, so that .123 of a second does not become 122 ms.
  if (number < 1e11) return wholeMs(Math.round(number * 1e6) / 1000);
  if (number < 1e14) return wholeMs(number);
  if (number < 1e17) return wholeMs(number / 1000);
  return wholeMs(number / 1e6);
}

/** A count of milliseconds as an event can hold it: whole, not negative; else `null`. */
export function wholeMs(milliseconds: number): number | null {
  const whole = Math.floor(milliseconds);
  return Number.isSafeInteger(whole) && whole >= 0 ? whole : null;
}

/** The time that a value of a record tells; `null` if it tells none. */
export function timeOf(value: unknown): number | null {
  if (typeof value === "string") return timeOfText(value);
  if (typeof value === "number") return timeOfNumber(value);
  return null;
}
