/**
 * Numbers of a JSON text that `JSON.parse` would change: integers with more digits than a double
 * keeps, and numbers that overflow to infinity or vanish into 0. Fractions are rounded to 17 digits
 * by everybody and pass. A text without such a number costs a tenth of what parsing it does.
 */
import { pathText } from "./value-path.ts";

const quote = 0x22;
const plus = 0x2b;
const comma = 0x2c;
const minus = 0x2d;
const nine = 0x39;
const colon = 0x3a;
const bracketOpen = 0x5b;
const backslash = 0x5c;
const bracketClose = 0x5d;
const braceOpen = 0x7b;
const braceClose = 0x7d;
/** `e`, and `E` in lower case. */
const exponent = 0x65;

/** Any integer of fewer digits comes back as it is, and no exponent of fewer is too large. */
const digitsMin = 16;
const largeExponent = /[0-9][eE][+-]?[0-9]{3}/;
/** A fraction without an exponent neither overflows nor vanishes with fewer. */
const fractionMin = 300;

/**
 * The path of the first number that would not come back with the same digits, as in `$.user.id`;
 * `undefined` when all do. `text` must be valid JSON.
 */
export function inexactNumber(text: string): string | undefined {
  return hasLongDigits(text) || largeExponent.test(text) ? pathOfInexact(text) : undefined;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= nine;
}

/** Whether there are 16 digits in a row, in a string or not: one of them is at such a place. */
function hasLongDigits(text: string): boolean {
  for (let at = digitsMin - 1; at < text.length; at += digitsMin) {
    if (!isDigit(text, at)) continue;
    let from = at;
    let end = at + 1;
    while (isDigit(text, from - 1)) from -= 1;
    while (isDigit(text, end)) end += 1;
    if (end - from >= digitsMin) return true;
  }
  return false;
}

function pathOfInexact(text: string): string | undefined {
  /** What is open: the place in an array, or the key of an object as it is spelled. */
  const open: (number | string)[] = [];
  let isKey = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const end = behindString(text, at);
      if (isKey) open[open.length - 1] = text.slice(at, end);
      at = end - 1;
    } else if (code === minus || (code <= nine && isDigit(text, at))) {
      const end = behindNumber(text, at);
      if (!comesBack(text, at, end)) return pathText(open.map(spelled));
      at = end - 1;
    } else if (code === colon) isKey = false;
    else if (code === braceOpen || code === bracketOpen) {
      isKey = code === braceOpen;
      open.push(isKey ? "" : 0);
    } else if (code === braceClose || code === bracketClose) open.pop();
    else if (code === comma) {
      const last = open[open.length - 1];
      isKey = typeof last === "string";
      if (typeof last === "number") open[open.length - 1] = last + 1;
    }
  }
  return undefined;
}

function spelled(step: number | string): number | string {
  return typeof step === "number" ? step : (JSON.parse(step) as string);
}

/** The place behind the string that begins at `at`. */
function behindString(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1); ; end = text.indexOf('"', end + 1)) {
    let before = end;
    while (text.charCodeAt(before - 1) === backslash) before -= 1;
    if ((end - before) % 2 === 0) return end + 1;
  }
}

/** The place behind the number that begins at `at`. */
function behindNumber(text: string, at: number): number {
  let end = at + 1;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    const isPart = (code >= plus && code <= nine && code !== comma) || (code | 0x20) === exponent;
    if (!isPart) break;
  }
  return end;
}

/** Whether the number at `at` has the same digits once it has been a double. */
function comesBack(text: string, at: number, end: number): boolean {
  const token = text.slice(at, end);
  const enough = token.includes(".") ? fractionMin : digitsMin;
  if (token.length < enough && !/e/i.test(token)) return true;
  const value = Number(token);
  if (!Number.isFinite(value)) return false;
  if (value === 0) return !/[1-9]/.test(token.replace(/[eE].*/, ""));
  if (Number.isSafeInteger(value) || !/^-?[0-9]+$/.test(token)) return true;
  return significant(String(value)) === significant(token);
}

/** The digits of a number without its sign, its point and the power of ten. */
function significant(number: string): string {
  return number.replace(/e.*|[-.]/g, "").replace(/0+$/, "");
}
