/**
 * `Date` for programs: now is the time of the event that is being worked on, the time zone is UTC
 * whatever the machine's, and texts are read only in the forms that every engine must understand.
 * The methods themselves are those of the engine.
 */

/** Milliseconds since the epoch, or throws: where there is no event there is no time. */
export type TimeSource = () => number;

const localNames = [
  "Date",
  "Day",
  "FullYear",
  "Hours",
  "Milliseconds",
  "Minutes",
  "Month",
  "Seconds",
] as const;

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const isoPattern =
  /^(?:\d{4}|[+-]\d{6})(?:-\d\d(?:-\d\d)?)?(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;
const utcPattern = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} -?\d{4,6} \d\d:\d\d:\d\d GMT$/;
const textPattern =
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d -?\d{4,6} \d\d:\d\d:\d\d GMT[+-]\d{4}(?: \([^()]*\))?$/;

function two(count: number): string {
  return count < 10 ? `0${count}` : `${count}`;
}

/** Methods, since those have no `prototype` that somebody could write to. */
const textMethods = {
  getTimezoneOffset(this: Date): number {
    return Number.isNaN(this.getTime()) ? Number.NaN : 0;
  },
  getYear(this: Date): number {
    return this.getUTCFullYear() - 1900;
  },
  toDateString(this: Date): string {
    if (Number.isNaN(this.getTime())) return "Invalid Date";
    const day = `${days[this.getUTCDay()]} ${months[this.getUTCMonth()]}`;
    const year = this.getUTCFullYear();
    const digits = `${Math.abs(year)}`.padStart(4, "0");
    return `${day} ${two(this.getUTCDate())} ${year < 0 ? "-" : ""}${digits}`;
  },
  toTimeString(this: Date): string {
    if (Number.isNaN(this.getTime())) return "Invalid Date";
    const time = [this.getUTCHours(), this.getUTCMinutes(), this.getUTCSeconds()].map(two);
    return `${time.join(":")} GMT+0000 (Coordinated Universal Time)`;
  },
  toString(this: Date): string {
    if (Number.isNaN(this.getTime())) return "Invalid Date";
    return `${this.toDateString()} ${this.toTimeString()}`;
  },
};

/** Puts a fixed `Date` in the place of the engine's; returns it. */
export function fixedDate(engineDate: DateConstructor, now: TimeSource): DateConstructor {
  const prototype = engineDate.prototype;
  const { parse, UTC } = engineDate;
  const apply = Reflect.apply;

  function parsed(text: string): number {
    const iso = isoPattern.exec(text);
    if (iso) return parse(text.includes("T") && iso[1] === undefined ? `${text}Z` : text);
    return utcPattern.test(text) || textPattern.test(text) ? parse(text) : Number.NaN;
  }

  const members: Record<string, (...values: number[]) => unknown> = {};
  for (const name of localNames) {
    for (const verb of name === "Day" ? ["get"] : ["get", "set"]) {
      const method = prototype[`${verb}UTC${name}` as "getUTCDate"] as (...n: number[]) => number;
      const methods = {
        [verb + name](this: unknown, ...values: number[]): number {
          return apply(method, this, values);
        },
      };
      Object.assign(members, methods);
    }
  }
  Object.assign(members, textMethods);
  for (const [name, value] of Object.entries(members)) {
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
  Reflect.deleteProperty(prototype, "setYear");

  function construct(values: unknown[], target: unknown): Date {
    const make = (value: number): Date =>
      Reflect.construct(engineDate, [value], target as () => void) as Date;
    if (values.length === 0) return make(now());
    if (values.length > 1) return make(apply(UTC, undefined, values as number[]));
    const [only] = values;
    if (typeof only === "object" && only !== null && isDate(only)) return make(timeOf(only));
    const primitive = toPrimitive(only);
    return make(typeof primitive === "string" ? parsed(primitive) : Number(primitive));
  }

  const getTime = prototype.getTime;
  const timeOf = (date: object): number => apply(getTime, date, []);
  function isDate(value: object): boolean {
    try {
      timeOf(value);
      return true;
    } catch {
      return false;
    }
  }

  function FixedDate(this: unknown, ...values: unknown[]): unknown {
    if (new.target === undefined) return construct([], FixedDate).toString();
    return construct(values, new.target);
  }
  Object.defineProperty(FixedDate, "name", { value: "Date", configurable: true });
  Object.defineProperty(FixedDate, "length", { value: 7, configurable: true });
  Object.defineProperty(FixedDate, "prototype", { value: prototype, writable: false });
  const statics = { now: () => now(), parse: (text: unknown) => parsed(`${text}`), UTC };
  for (const [name, value] of Object.entries(statics)) {
    Object.defineProperty(FixedDate, name, { value, writable: true, configurable: true });
  }
  const constructor = { value: FixedDate, writable: true, configurable: true };
  Object.defineProperty(prototype, "constructor", constructor);
  return FixedDate as unknown as DateConstructor;
}

/** ToPrimitive without a hint (ECMA-262, 7.1.1). */
function toPrimitive(value: unknown): unknown {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return value;
  const exotic = (value as { [Symbol.toPrimitive]?: unknown })[Symbol.toPrimitive];
  if (typeof exotic === "function") return Reflect.apply(exotic, value, ["default"]);
  const plain = (value as { valueOf(): unknown }).valueOf();
  return typeof plain === "object" && plain !== null ? `${value as object}` : plain;
}
