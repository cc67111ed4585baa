import type { KernelCalls } from "./kernel.ts";

export interface CallMessage {
  readonly id: number;
  readonly call: keyof KernelCalls;
  readonly parameters: readonly unknown[];
}

export type AnswerMessage =
  | { readonly kind: "ready"; readonly isUsable: boolean }
  | { readonly kind: "done"; readonly id: number; readonly value: unknown }
  | {
      readonly kind: "failed";
      readonly id: number;
      readonly message: string;
      readonly code: string | undefined;
    };
