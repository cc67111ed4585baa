export { type OpenNetworksOptions, openNetworks } from "./open-networks.ts";
