export {
  type CloseOptions,
  type ContainerPart,
  type ContainersOnDisk,
  loadContainers,
  type OpenContainersOptions,
  openContainers,
} from "./open-containers.ts";
export type { RunOnceRequest } from "./run-once.ts";
