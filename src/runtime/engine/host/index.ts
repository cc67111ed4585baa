export { openLinuxHost } from "./linux-host.ts";
export { loadPtyCalls, type PtyCalls } from "./pty.ts";
export { loadSpawn, type Program, spawnProgram } from "./spawn-program.ts";
export { Terminal } from "./terminal.ts";
