// Why a call failed, read from the details of an error.
import type { ServiceError, status } from "@grpc/grpc-js";
import { read } from "./contract.js";
import type { BadRequest__Output } from "./types/google/rpc/BadRequest.js";
import type { ErrorInfo__Output } from "./types/google/rpc/ErrorInfo.js";
import type { RetryInfo__Output } from "./types/google/rpc/RetryInfo.js";

/** An error of the service: branch on `reason`, which is empty where gRPC itself has failed. */
export interface Refusal {
  code: status;
  message: string;
  reason: string;
  /** The values of the message. */
  metadata: Record<string, string>;
  /** How long to wait; undefined where the same call would fail again. */
  retryAfterSeconds?: number;
  /** By field, what is wrong with it. */
  wrongFields: Record<string, string>;
}

interface RawStatus {
  details: { type_url: string; value: Buffer }[];
}

/** What an error of a call says. */
export function refusalOf(error: unknown): Refusal {
  const { code, details, metadata } = error as ServiceError;
  const [bytes] = metadata.get("grpc-status-details-bin");
  const raw = bytes ? read<RawStatus>("google.rpc.Status", bytes as Buffer).details : [];
  function detail<Message>(name: string): Message | undefined {
    const found = raw.find((one) => one.type_url.endsWith(`/${name}`));
    return found && read<Message>(name, found.value);
  }
  const info = detail<ErrorInfo__Output>("google.rpc.ErrorInfo");
  const delay = detail<RetryInfo__Output>("google.rpc.RetryInfo")?.retryDelay;
  const wrong = detail<BadRequest__Output>("google.rpc.BadRequest")?.fieldViolations ?? [];
  return {
    code,
    message: details,
    reason: info?.reason ?? "",
    metadata: info?.metadata ?? {},
    retryAfterSeconds: delay ? Number(delay.seconds) + delay.nanos / 1e9 : undefined,
    wrongFields: Object.fromEntries(wrong.map((one) => [one.field, one.description])),
  };
}
