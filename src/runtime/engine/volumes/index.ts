export { type OpenVolumesOptions, openVolumes } from "./open-volumes.ts";
