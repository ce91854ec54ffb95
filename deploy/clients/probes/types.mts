// What TypeScript knows of the package: each line marked as an error must be one.
import { Client, refusalOf } from "decision-service-client";
import type { Refusal } from "decision-service-client";

const client = new Client("127.0.0.1:1", { plaintext: true });
const { decision } = await client.decisions.createDecision({ userId: "a" });
export const id: string | undefined = decision?.decisionId;
export const position: string = (await client.rollouts.listRollouts({})).rollouts[0].position;
export const refusal: Refusal = refusalOf(new Error());
// @ts-expect-error no request has this field
await client.decisions.createDecision({ userID: "a" });
// @ts-expect-error no service has this call
await client.decisions.decide({});
