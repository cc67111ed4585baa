export type { ImageOptions, Registry } from "./images.ts";
export {
  type MemoryRuntime,
  type MemoryRuntimeOptions,
  openMemoryRuntime,
  untilTerm,
} from "./memory-runtime.ts";
export type { ProcessContext, Program } from "./process.ts";
export { programOf } from "./shell.ts";
export { openSimulatedRuntime } from "./simulated-runtime.ts";
export { TurnableClock } from "./turnable-clock.ts";
export type { ProcessRole, ProgramChoice } from "./world.ts";
