export { status } from "@grpc/grpc-js";
export { Client } from "./client.js";
export type { CallOptions, Calls, ClientOptions } from "./client.js";
export { refusalOf } from "./refusals.js";
export type { Refusal } from "./refusals.js";
