/** The activation loop, which runs a program over its events: live, while resuming, in replay. */
export {
  decodeStep,
  encodeDone,
  encodeFailure,
  encodeMembers,
  encodeStep,
  type StepRecord,
} from "./record-data.ts";
export {
  type DriverOptions,
  type DriverSnapshot,
  type MadeEvent,
  neverWaited,
  SessionDriver,
  stepEventsMax,
  stepsPerActivationMax,
  type Turn,
} from "./session-driver.ts";
export type {
  Activation,
  Failure,
  Operation,
  ProgramEvent,
  StepContext,
  StepEnd,
  Waiting,
} from "./step-context.ts";
export { keyOfStep, type StepSecret, stepKey } from "./step-key.ts";
