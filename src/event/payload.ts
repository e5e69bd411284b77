/**
 * The data of an event: a CBOR value, a JSON text kept as its exact bytes (an importer's record),
 * plain bytes, or a reference to a blob that holds one of these. Encoded once, decoded when looked
 * at.
 */
import {
  cborTags,
  checkWellFormed,
  concat,
  decodeValue,
  encodeValue,
  equalBytes,
  messageOf,
  parseJson,
  ReachError,
  toHex,
} from "../base/index.ts";
import { HeadReader, headBytes, headSize, writeHead } from "./head.ts";

/** What the bytes of a payload are; the position is the number in a blob reference on disk. */
export const payloadForms = ["cbor", "json", "bytes"] as const;

/** One of `payloadForms`. */
export type PayloadForm = (typeof payloadForms)[number];

/** A payload in the blob store: the SHA-256 of its whole bytes, their count, and what they are. */
export interface BlobRef {
  readonly sha256: Uint8Array;
  readonly size: number;
  readonly form: PayloadForm;
}

/** A payload where it lies: inline bytes, or a reference. */
export type Payload =
  | { readonly form: PayloadForm; readonly bytes: Uint8Array }
  | { readonly form: "blob"; readonly ref: BlobRef };

/** Where payloads above the inline limit come from. */
export interface PayloadSource {
  /** The verified bytes of a blob; throws `BLOB_MISSING` or `BLOB_CORRUPT`. */
  get(sha256: Uint8Array): Uint8Array;
}

const embeddedJsonTag = headBytes(6, cborTags.embeddedJson);
const blobRefTag = headBytes(6, cborTags.blobRef);

function startsWith(data: Uint8Array, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (data[i] !== prefix[i]) return false;
  return true;
}

/** Encoded `data` of an inline payload: CBOR as it is, JSON as tag 262, bytes as a byte string. */
export function encodeInline(form: PayloadForm, bytes: Uint8Array): Uint8Array {
  if (form === "cbor") return bytes;
  const encoded = new Uint8Array(inlineOverhead(form, bytes.length) + bytes.length);
  writeInline(encoded, 0, form, bytes);
  return encoded;
}

/** Writes the same into `target` at `offset`, where there is room; returns the offset behind it. */
export function writeInline(
  target: Uint8Array,
  offset: number,
  form: PayloadForm,
  bytes: Uint8Array,
): number {
  let at = offset;
  if (form === "json") {
    target.set(embeddedJsonTag, at);
    at += embeddedJsonTag.length;
  }
  if (form !== "cbor") at = writeHead(target, at, 2, bytes.length);
  target.set(bytes, at);
  return at + bytes.length;
}

/** Bytes that `encodeInline` adds around a payload. */
export function inlineOverhead(form: PayloadForm, size: number): number {
  if (form === "cbor") return 0;
  return headSize(size) + (form === "json" ? embeddedJsonTag.length : 0);
}

/** Encoded `data` of a reference to a blob. */
export function encodeBlobRef(ref: BlobRef): Uint8Array {
  const fields = encodeValue([ref.sha256, ref.size, payloadForms.indexOf(ref.form)]);
  return concat(blobRefTag, fields);
}

/** What encoded `data` holds. Throws `CORRUPT` for a reference that is none. */
export function payloadOf(data: Uint8Array): Payload {
  if (startsWith(data, blobRefTag)) {
    return { form: "blob", ref: blobRefOf(decodeValue(data.subarray(blobRefTag.length))) };
  }
  if (startsWith(data, embeddedJsonTag)) {
    return { form: "json", bytes: byteString(data.subarray(embeddedJsonTag.length)) };
  }
  if ((data[0] ?? 0) >>> 5 === 2) return { form: "bytes", bytes: byteString(data) };
  return { form: "cbor", bytes: data };
}

function blobRefOf(value: unknown): BlobRef {
  const fields: readonly unknown[] = Array.isArray(value) && value.length === 3 ? value : [];
  const [sha256, size, number] = fields;
  const form = typeof number === "number" ? payloadForms[number] : undefined;
  const named = sha256 instanceof Uint8Array && sha256.length === 32;
  if (!named || typeof size !== "number" || !(Number.isSafeInteger(size) && size >= 0) || !form) {
    throw new ReachError("CORRUPT", "a blob reference is damaged");
  }
  return { sha256, size, form };
}

/** The content of one CBOR byte string that fills `data`. */
function byteString(data: Uint8Array): Uint8Array {
  const head = new HeadReader(data, 0);
  const length = head.argument(2);
  if (length !== data.length - head.position) {
    throw new ReachError("CORRUPT", "a payload that should be a byte string is none");
  }
  return data.subarray(head.position);
}

/**
 * The value of payload bytes of a form: decoded CBOR, parsed JSON, or a copy of the bytes, so that
 * nothing depends on the buffer they were read into. Throws `CORRUPT`.
 */
export function decodePayload(form: PayloadForm, bytes: Uint8Array): unknown {
  if (form === "cbor") return decodeValue(bytes);
  if (form === "bytes") return new Uint8Array(bytes);
  try {
    return parseJson(bytes);
  } catch (cause) {
    throw new ReachError("CORRUPT", `a JSON payload: ${messageOf(cause)}`, { cause });
  }
}

/** What is wrong with encoded `data` that holds `payload`, for data from strangers. */
export function inlineFault(payload: Payload, data: Uint8Array): string | undefined {
  if (payload.form === "cbor") return checkWellFormed(data);
  const encoded =
    payload.form === "blob"
      ? encodeBlobRef(payload.ref)
      : encodeInline(payload.form, payload.bytes);
  if (!equalBytes(encoded, data)) return "it is in another form than Reach writes";
  if (payload.form === "json") decodePayload("json", payload.bytes);
  return undefined;
}

/** The value of a payload, fetched through `source` when it is a blob. */
export function valueOf(payload: Payload, source: PayloadSource | undefined): unknown {
  if (payload.form !== "blob") return decodePayload(payload.form, payload.bytes);
  return decodePayload(payload.ref.form, fetchBlob(payload.ref, source));
}

/** The bytes of a blob from `source`; throws `BLOB_MISSING` without one. */
export function fetchBlob(ref: BlobRef, source: PayloadSource | undefined): Uint8Array {
  if (source) return source.get(ref.sha256);
  throw new ReachError("BLOB_MISSING", `no store to read blob ${toHex(ref.sha256)} from`);
}
