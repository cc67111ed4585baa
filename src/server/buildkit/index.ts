export { buildkitRoutes } from "./routes.ts";
