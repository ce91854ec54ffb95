// The services of the protos, and how each of their calls is made by gRPC.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import type { MessageTypeDefinition } from "@grpc/proto-loader";

const folder = fileURLToPath(new URL("../protos", import.meta.url));
const own = "decision_service/api/v1";
const services = readdirSync(`${folder}/${own}`).filter((name) => name.endsWith("_service.proto"));
const loaded = loader.loadSync(
  [
    ...services.map((name) => `${own}/${name}`),
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
  ],
  { includeDirs: [folder], defaults: true, enums: String, longs: String },
);

/** gRPC's service config: which calls are repeated, and how. */
export const serviceConfig = readFileSync(
  `${folder}/${own}/service_config.json`,
  "utf8",
);

type Method = MethodDefinition<object, object>;
const waiting = new Set<string>();
for (const entry of JSON.parse(serviceConfig).methodConfig) {
  if (entry.waitForReady) {
    for (const one of entry.name) waiting.add(`/${one.service}/${one.method}`);
  }
}

/** Whether a call is never repeated, and waits for a connection instead. */
export function waitsForReady(path: string): boolean {
  return waiting.has(path);
}

/** The calls of a service by their names in JavaScript. */
export function methodsOf(service: string): [string, Method][] {
  const definition = loaded[`decision_service.api.v1.${service}`] as unknown as ServiceDefinition;
  return Object.values(definition).map((method) => {
    const name = method.path.slice(method.path.lastIndexOf("/") + 1);
    return [name[0].toLowerCase() + name.slice(1), method as Method];
  });
}

/** A message of the protos, read from its bytes. */
export function read<Message>(name: string, bytes: Buffer): Message {
  const type = loaded[name] as MessageTypeDefinition<object, object>;
  return type.deserialize(bytes) as Message;
}
