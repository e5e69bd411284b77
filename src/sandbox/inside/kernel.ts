/**
 * The entry of what runs inside a context: prepares it, and hands the host the closures of
 * `kernel-port.ts`. The host alone holds them; a program finds nothing of this on `globalThis`.
 * Built into one script by tools/build.mjs, whose completion value is what `kernel` returns.
 */
import { encodeValue, limits, ReachError } from "../../base/index.ts";
import { type KernelPort, kernelTexts, outcomes, reportFields } from "../kernel-port.ts";
import { harden } from "./hardening.ts";
import { closeGlobals, prepareIntrinsics } from "./intrinsics.ts";
import { loadedProgram } from "./loading.ts";
import { Cancelled, EffectError, type Fault, faultOf, SandboxError } from "./program-errors.ts";
import { decodeFresh, type EncodedPayload, ProgramEvent } from "./program-event.ts";
import { SessionRun } from "./session-run.ts";
import { StepContext } from "./step-context.ts";
import { structuredCopy } from "./structured-copy.ts";

const firstInputBytes = 4 * 1024;
const keptInputBytesMax = 32 * 1024;
const firstReportNumbers = 64;

function timeless(what: string): never {
  throw new TypeError(`${what} while the program is loaded: there is no event yet`);
}

/**
 * Prepares the context and returns what the host calls. `stacks` collects stacks; `exact` says that
 * this engine is known to have nothing built in that has to be looked for.
 */
export function kernel(stacks: boolean, exact: boolean): KernelPort {
  let run: SessionRun | undefined;
  let fault: Fault | undefined;
  let name = "";
  let version = "";
  let hasStep = false;
  let inputSize = firstInputBytes;
  let input = new Uint8Array(inputSize);
  let inputs = 0;
  let reports = 0;
  let report = new Float64Array(firstReportNumbers);
  let waitingInputs: string[] = [];

  const sources = {
    now: () => run?.now() ?? timeless("the time is asked for"),
    random: () => run?.random() ?? timeless("randomness is asked for"),
  };
  const isExact = prepareIntrinsics(sources, structuredCopy, { stacks, exact });
  harden(StepContext, ProgramEvent, EffectError, Cancelled, SandboxError, ReachError);
  const globals = Reflect.ownKeys(globalThis).length;
  const chain = Reflect.getPrototypeOf(globalThis);
  let reusable = true;

  const current = (): SessionRun => {
    if (run === undefined) throw new SandboxError("BUG", "no program is loaded");
    return run;
  };
  /** Does something that may throw; says whether it went well. */
  const attempt = (work: () => void): boolean => {
    fault = undefined;
    try {
      work();
      return true;
    } catch (error) {
      fault = faultOf(error, stacks);
      return false;
    }
  };
  const payloadOf = (form: number, size: number, text: string): EncodedPayload => {
    return { form, bytes: input.subarray(0, size), text };
  };
  const write = (at: number, numbers: readonly number[]): number => {
    if (at + numbers.length > report.length) {
      const grown = new Float64Array(2 * (at + numbers.length));
      grown.set(report);
      report = grown;
      reports += 1;
    }
    for (let i = 0; i < numbers.length; i++) report[at + i] = numbers[i] as number;
    return at + numbers.length;
  };

  const port: KernelPort = {
    load: (evaluate) =>
      attempt(() => {
        run = undefined;
        const program = loadedProgram(evaluate as () => unknown);
        ({ name, version } = program);
        hasStep = program.step !== undefined;
        const isAlone = Reflect.ownKeys(globalThis).length === globals;
        reusable &&= isAlone && Reflect.getPrototypeOf(globalThis) === chain;
        closeGlobals();
        run = new SessionRun(program, stacks);
      }),
    unload() {
      run = undefined;
      fault = undefined;
    },
    isReusable: () => reusable,
    isExact: () => isExact,
    hasStep: () => hasStep,
    makeRoom(size) {
      const tooSmall = inputSize < size;
      const tooLarge = inputSize > keptInputBytesMax && size <= firstInputBytes;
      if (!tooSmall && !tooLarge) return inputs;
      inputSize = tooSmall
        ? Math.max(size, Math.min(2 * size, keptInputBytesMax))
        : firstInputBytes;
      input = new Uint8Array(inputSize);
      return ++inputs;
    },
    input: () => input.buffer,
    init: (seq, time, kind, type, ref, form, size, text) =>
      attempt(() => {
        const payload = payloadOf(form, size, text);
        current().init(new ProgramEvent(seq, time, kind, type, ref, payload));
      }),
    restore: (size, text) =>
      attempt(() => {
        current().state = decodeFresh(payloadOf(0, size, text));
      }),
    fold: (seq, time, kind, type, ref, form, size, text) =>
      attempt(() => {
        const payload = payloadOf(form, size, text);
        current().fold(new ProgramEvent(seq, time, kind, type, ref, payload));
      }),
    clearInbox(now) {
      run?.clearInbox(now);
    },
    addInput(seq, time, _kind, type, _ref, form, size, text) {
      run?.addInput(seq, time, type, payloadOf(form, size, text));
    },
    beginStep(firstSeq) {
      attempt(() => current().beginStep(firstSeq, input.subarray(0, 32)));
    },
    deliver(seq, time, kind, type, ref, form, size, text) {
      attempt(() => {
        const payload = payloadOf(form, size, text);
        const event = new ProgramEvent(seq, time, kind, type, ref, payload);
        current().deliver(event, kind, payload);
      });
    },
    settle() {
      const session = current();
      session.settle();
      fault ??= session.fault;
      const { operations, outcome, dropped } = session;
      const { result } = outcome ?? {};
      let state: number = outcomes.running;
      if (fault !== undefined) state = outcomes.failed;
      else if (outcome) state = outcome.next === "done" ? outcomes.done : outcomes.continues;
      report[reportFields.now] = session.now();
      report[reportFields.outcome] = state;
      report[reportFields.resultSize] = result ? result.length : -1;
      report[reportFields.resultStart] = result ? operations.append(result) : 0;
      report[reportFields.operations] = operations.types.length;
      report[reportFields.dropped] = dropped.length;
      report[reportFields.logs] = operations.logs.length / 2;
      report[reportFields.abandoned] = outcome?.abandoned.length ?? 0;
      report[reportFields.unread] = outcome?.unread.length ?? 0;
      let at: number = write(reportFields.lists, operations.numbers);
      if (dropped.length > 0) at = write(at, dropped);
      if (operations.logs.length > 0) at = write(at, operations.logs);
      if (outcome) write(write(at, outcome.abandoned), outcome.unread);
      return reports + operations.generation;
    },
    generation: () => reports + current().operations.generation,
    report: () => report.buffer,
    output: () => current().operations.buffer,
    operationType: (index) => run?.operations.types[index] ?? "",
    operationStack: (index) => run?.operations.stacks[index] ?? "",
    waiting() {
      const calls: number[] = [];
      const timers: number[] = [];
      const types = new Set<string>();
      for (const waiter of current().waiters) {
        if (waiter.kind === "call") calls.push(waiter.seq);
        else if (waiter.seq >= 0) timers.push(waiter.seq, waiter.due);
        for (const type of waiter.types) types.add(type);
      }
      waitingInputs = [...types];
      return write(write(write(0, [calls.length, timers.length, types.size]), calls), timers);
    },
    waitingInput: (index) => waitingInputs[index] ?? "",
    snapshot() {
      let size = -1;
      attempt(() => {
        const session = current();
        const bytes = encodeValue(session.state, "refuse");
        if (bytes.length > limits.stateBytesMax) {
          const much = `${bytes.length} bytes, at most ${limits.stateBytesMax}`;
          throw new SandboxError("STATE_TOO_LARGE", `too large: ${much}`);
        }
        session.operations.clear();
        session.operations.append(bytes);
        size = bytes.length;
      });
      return size;
    },
    text(which) {
      if (which === kernelTexts.programName) return name;
      if (which === kernelTexts.programVersion) return version;
      if (which === kernelTexts.faultName) return fault?.name ?? "";
      if (which === kernelTexts.faultMessage) return fault?.message ?? "";
      if (which === kernelTexts.faultCode) return fault?.code ?? "";
      return fault?.stack ?? "";
    },
  };
  return port;
}
