/**
 * The types of a program that is executed: what `step` is given, and how its author's words (names
 * of effects, types of events and inputs, the state) run through all of it. Types only; the code
 * behind them is in `src/sandbox/inside`.
 */
import type { EventKind } from "../event/index.ts";
import type { ReducerEvent } from "./program.ts";

/** What an author says about a program; every member may be left out. */
export interface ProgramTypes {
  /** What `init` and `reduce` return. */
  State?: unknown;
  /** What the session is started with: `data` of the trigger. */
  Input?: unknown;
  /** Effects by name, as functions: `{ "llm.chat": (input: Chat) => Reply }`. */
  Effects?: Record<string, (input: never) => unknown>;
  /** Data of the events that the program emits, by type. */
  Events?: Record<string, unknown>;
  /** Data of the inputs that others post, by type. */
  Inputs?: Record<string, unknown>;
  /** What `{ done: … }` holds. */
  Result?: unknown;
  /** Of sessions that others recorded: what is known about the data of any event. */
  Data?: unknown;
}

type AnyEffects = Record<string, (input: unknown) => unknown>;
type Member<Types, Name extends string, Otherwise> = Types extends { [N in Name]: infer Given }
  ? Given
  : Otherwise;

/** The state of a program with these types. */
export type StateOf<Types> = Member<Types, "State", unknown>;
/** Its effects. */
export type EffectsOf<Types> = Member<Types, "Effects", AnyEffects>;
/** Its events. */
export type EventsOf<Types> = Member<Types, "Events", Record<string, unknown>>;
/** Its inputs. */
export type InputsOf<Types> = Member<Types, "Inputs", Record<string, unknown>>;
/** Its result. */
export type ResultOf<Types> = Member<Types, "Result", unknown>;

type InputOf<Effect> = Effect extends (input: infer Input) => unknown ? Input : unknown;
type OutputOf<Effect> = Effect extends (input: never) => infer Output ? Awaited<Output> : unknown;

/** A span of time: milliseconds, or a text of numbers and units (`ms s m h d w`). */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d" | "w"}${string}`;

/** Why a call failed: what the `result` event says, and what the promise is rejected with. */
export interface EffectFailure {
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
  readonly data?: unknown;
}

interface EventOf<Kind extends EventKind, Type extends string, Data, Ref = number | null> {
  readonly seq: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly kind: Kind;
  readonly type: Type;
  readonly ref: Ref;
  readonly data: Data;
}

type Names<Members> = keyof Members & string;

type Trigger<Types> = EventOf<
  "trigger",
  string,
  Member<Types, "Input", Member<Types, "Data", unknown>>,
  null
>;

/** Whether anything is known about single types of events. */
type Told<Types> = "Effects" extends keyof Types
  ? true
  : "Events" extends keyof Types
    ? true
    : "Inputs" extends keyof Types
      ? true
      : false;

/** An event as the reducer of a program with these types sees it. */
export type ProgramEventOf<Types> = ProgramTypes extends Types
  ? ReducerEvent
  : Told<Types> extends true
    ? ToldEvent<Types>
    : ReducerEvent<Member<Types, "Data", unknown>>;

/** Told apart by `kind` and `type`. */
type ToldEvent<Types> =
  | Trigger<Types>
  | { [N in Names<InputsOf<Types>>]: EventOf<"input", N, InputsOf<Types>[N]> }[Names<
      InputsOf<Types>
    >]
  | {
      [N in Names<EffectsOf<Types>>]: EventOf<
        "call",
        N,
        { readonly input: InputOf<EffectsOf<Types>[N]>; readonly options?: unknown }
      >;
    }[Names<EffectsOf<Types>>]
  | {
      [N in Names<EffectsOf<Types>>]: EventOf<
        "result",
        N,
        | { readonly value: OutputOf<EffectsOf<Types>[N]>; readonly error?: undefined }
        | { readonly error: EffectFailure; readonly value?: undefined },
        number
      >;
    }[Names<EffectsOf<Types>>]
  | { [N in Names<EventsOf<Types>>]: EventOf<"emit", N, EventsOf<Types>[N]> }[Names<
      EventsOf<Types>
    >]
  | EventOf<"timer", "set", { readonly due: number }>
  | EventOf<"timer", "fired", null, number>
  | EventOf<"cancel", "cancel", { readonly reason?: unknown } | null>
  | EventOf<"step" | "fork" | "end", string, unknown>;

type Leaf = string | number | bigint | boolean | null | undefined | Uint8Array;

/** The same value, to be read only. */
export type ReadOnly<Value> = Value extends Leaf
  ? Value
  : Value extends object
    ? { readonly [Key in keyof Value]: ReadOnly<Value[Key]> }
    : Value;

/** An input that a step has waited for. */
export interface ReceivedInput<Type extends string = string, Data = unknown> {
  readonly seq: number;
  /** When it came, in milliseconds since the epoch. */
  readonly time: number;
  readonly type: Type;
  readonly data: Data;
}

type Received<Types, Type extends string> = {
  [N in Type]: ReceivedInput<N, N extends keyof InputsOf<Types> ? InputsOf<Types>[N] : unknown>;
}[Type];

/** `ctx`: everything that a step may use beside its own variables. */
export interface StepContext<Types = ProgramTypes, State = StateOf<Types>> {
  /** A read-only view of the state, current on every line; a write throws a `TypeError`. */
  readonly state: ReadOnly<State>;
  /**
   * Asks for an effect; resolves with its recorded result. Rejects with an `EffectFailure` when it
   * failed, with `Cancelled` when the session is cancelled. `options` go to the handler.
   */
  call<Name extends Names<EffectsOf<Types>>>(
    name: Name,
    ...rest: undefined extends InputOf<EffectsOf<Types>[Name]>
      ? [input?: InputOf<EffectsOf<Types>[Name]>, options?: unknown]
      : [input: Whole<InputOf<EffectsOf<Types>[Name]>>, options?: unknown]
  ): Promise<OutputOf<EffectsOf<Types>[Name]>>;
  /** Adds an event; it is reduced before this returns. */
  emit<Type extends Names<EventsOf<Types>>>(
    type: Type,
    ...rest: undefined extends EventsOf<Types>[Type]
      ? [data?: EventsOf<Types>[Type]]
      : [data: Whole<EventsOf<Types>[Type]>]
  ): void;
  /** The time of the newest event from outside, in milliseconds since the epoch. */
  now(): number;
  /** A number from 0 up to 1, the same again in a replay. */
  random(): number;
  /** A UUID of version 4, the same again in a replay. */
  uuid(): string;
  /** Resolves when this time has passed, however often the session was stopped meanwhile. */
  sleep(duration: Duration): Promise<void>;
  /** Takes the oldest input of a type that nobody has taken; waits until there is one. */
  waitFor<Type extends Names<InputsOf<Types>>>(
    type: Type | readonly Type[],
  ): Promise<Received<Types, Type>>;
  /** The same, but resolves with `null` when this time has passed. */
  waitFor<Type extends Names<InputsOf<Types>>>(
    type: Type | readonly Type[],
    options: { readonly timeout: Duration },
  ): Promise<Received<Types, Type> | null>;
  /** Leaves a note in the log: shown, never reduced, never compared. */
  log(...values: unknown[]): void;
}

/** What is passed in may as well be a read-only view of the state. */
type Whole<Value> = Value | ReadOnly<Value>;

/** What a step returns. `{ done: result }` ends the session with a result. */
export type StepOutcome<Result = unknown> = "continue" | "done" | { readonly done: Result };

/** A program whose words have types. */
export interface TypedProgram<Types, State> {
  readonly name: string;
  readonly version: string;
  /** The state before any event; `first` is event 0, which `reduce` gets as well. */
  init(first: Trigger<Types>): State;
  /** The state after `event`; may change `state` in place, and returns it in any case. */
  reduce(state: State, event: ProgramEventOf<Types>): State;
  /** One turn; without it the program only folds sessions that others recorded. */
  step?(ctx: StepContext<Types, State>): Promise<StepOutcome<ResultOf<Types>>>;
}
