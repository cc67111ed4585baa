export { type ApiServer, type ApiServerOptions, createApiServer } from "./api-server.ts";
export { type Call, param, type ResponseStream } from "./call.ts";
export type { TcpOptions } from "./listen.ts";
export { filled, flag, instant, integer } from "./query.ts";
export { isRemote, openRemote } from "./remote-context.ts";
export { empty, invalid, json, type Reply, SENT, StatusError, text } from "./reply.ts";
export type { Method, Route } from "./router.ts";
