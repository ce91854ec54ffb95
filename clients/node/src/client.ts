// A connection to the service, with the calls of each service as functions that return promises.
import { randomUUID } from "node:crypto";
import grpc from "@grpc/grpc-js";
import type { ChannelCredentials, MethodDefinition } from "@grpc/grpc-js";
import type { MethodDefinition as Described } from "@grpc/proto-loader";
import { methodsOf, serviceConfig, waitsForReady } from "./contract.js";
import type { ApplicantServiceDefinition } from "./types/decision_service/api/v1/ApplicantService.js";
import type { DecisionServiceDefinition } from "./types/decision_service/api/v1/DecisionService.js";
import type { EventServiceDefinition } from "./types/decision_service/api/v1/EventService.js";
import type { NoticeServiceDefinition } from "./types/decision_service/api/v1/NoticeService.js";
import type { OutcomeServiceDefinition } from "./types/decision_service/api/v1/OutcomeService.js";
import type { ReviewServiceDefinition } from "./types/decision_service/api/v1/ReviewService.js";
import type { RolloutServiceDefinition } from "./types/decision_service/api/v1/RolloutService.js";
import type { RulesetServiceDefinition } from "./types/decision_service/api/v1/RulesetService.js";
import type { StatusServiceDefinition } from "./types/decision_service/api/v1/StatusService.js";

const timeoutSeconds = 30;
const createDecision = "/decision_service.api.v1.DecisionService/CreateDecision";

/** How the service is reached. */
export interface ClientOptions {
  /** Shown with every call; it needs TLS. */
  token?: string;
  /** The certificate of a private authority as PEM. */
  authority?: Buffer;
  /** gRPC's own credentials instead, for a certificate of the caller. */
  credentials?: ChannelCredentials;
  /** Without TLS, to a service on loopback. */
  plaintext?: boolean;
  /** For calls that name none: 30. */
  timeoutSeconds?: number;
}

/** How one call is made. */
export interface CallOptions {
  timeoutSeconds?: number;
  /** For example `accept-language`, `x-request-id`, `traceparent`. */
  metadata?: Record<string, string>;
}

/** The calls of a service: a request in, a promise of the answer out. */
export type Calls<Definition> = {
  readonly [Name in keyof Definition as Uncapitalize<Name & string>]: Definition[Name] extends Described<
    infer Request,
    infer _Response,
    infer _Read,
    infer Answer
  >
    ? (request: Request, options?: CallOptions) => Promise<Answer>
    : never;
};

/** A connection, which is made at the first call. */
export class Client {
  readonly applicants: Calls<ApplicantServiceDefinition>;
  readonly decisions: Calls<DecisionServiceDefinition>;
  readonly events: Calls<EventServiceDefinition>;
  readonly outcomes: Calls<OutcomeServiceDefinition>;
  readonly notices: Calls<NoticeServiceDefinition>;
  readonly reviews: Calls<ReviewServiceDefinition>;
  readonly rollouts: Calls<RolloutServiceDefinition>;
  readonly rulesets: Calls<RulesetServiceDefinition>;
  readonly status: Calls<StatusServiceDefinition>;
  readonly #client: grpc.Client;
  readonly #timeoutSeconds: number;

  constructor(address: string, options: ClientOptions = {}) {
    this.#client = new grpc.Client(address, credentialsOf(options), {
      "grpc.service_config": serviceConfig,
    });
    this.#timeoutSeconds = options.timeoutSeconds ?? timeoutSeconds;
    this.applicants = this.#calls("ApplicantService");
    this.decisions = this.#calls("DecisionService");
    this.events = this.#calls("EventService");
    this.outcomes = this.#calls("OutcomeService");
    this.notices = this.#calls("NoticeService");
    this.reviews = this.#calls("ReviewService");
    this.rollouts = this.#calls("RolloutService");
    this.rulesets = this.#calls("RulesetService");
    this.status = this.#calls("StatusService");
  }

  /** Close the connection. */
  close(): void {
    this.#client.close();
  }

  #calls<Definition>(service: string): Calls<Definition> {
    const calls = methodsOf(service).map(([name, method]) => [
      name,
      (request: object, options?: CallOptions) => this.#call(method, request, options ?? {}),
    ]);
    return Object.fromEntries(calls);
  }

  #call(method: MethodDefinition<object, object>, request: object, options: CallOptions) {
    const metadata = new grpc.Metadata({ waitForReady: waitsForReady(method.path) });
    for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value);
    let seconds = this.#timeoutSeconds;
    if (method.path === createDecision) seconds += completed(request);
    const deadline = Date.now() + (options.timeoutSeconds ?? seconds) * 1000;
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        { deadline },
        (error, answer) => (error ? reject(error) : resolve(answer)),
      );
    });
  }
}

interface Application {
  requestId?: string;
  waitTimeout?: { seconds?: number | string } | null;
}

/** Give an application a request id, and return the seconds that it may wait for data. */
function completed(application: Application): number {
  application.requestId ||= randomUUID();
  return Number(application.waitTimeout?.seconds ?? 0);
}

function credentialsOf(options: ClientOptions): ChannelCredentials {
  const { token, authority, credentials, plaintext } = options;
  if (plaintext) {
    if (token || authority || credentials) {
      throw new Error("token, authority and credentials need TLS: leave plaintext out");
    }
    return grpc.credentials.createInsecure();
  }
  const secured = credentials ?? grpc.credentials.createSsl(authority);
  if (!token) return secured;
  const shown = grpc.credentials.createFromMetadataGenerator((_, done) => {
    const metadata = new grpc.Metadata();
    metadata.set("authorization", `Bearer ${token}`);
    done(null, metadata);
  });
  return grpc.credentials.combineChannelCredentials(secured, shown);
}
