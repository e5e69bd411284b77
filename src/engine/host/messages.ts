/**
 * How orders and replies cross to another thread or process: V8's own serialisation, which keeps
 * byte arrays as they are. Both sides are the same build on the same machine, and what a program
 * makes is bytes inside of it, so nothing else ever writes these.
 */
import { deserialize, serialize } from "node:v8";

/** The bytes of a message, in an `ArrayBuffer` of their own. */
export function encodeMessage(message: unknown): Uint8Array<ArrayBuffer> {
  const bytes = serialize(message);
  const isWhole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  const whole = isWhole ? bytes : new Uint8Array(bytes);
  return new Uint8Array(whole.buffer as ArrayBuffer);
}

/** The message that bytes hold. Byte arrays in it are views of `bytes`. */
export function decodeMessage<Message>(bytes: Uint8Array): Message {
  return deserialize(bytes) as Message;
}
