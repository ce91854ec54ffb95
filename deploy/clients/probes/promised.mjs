// Applies without a request id through the Node client, and prints the id that the request then has.
import { Client } from "decision-service-client";

const client = new Client(process.argv[2], { plaintext: true });
const request = { userId: "a", product: "b", waitTimeout: { seconds: 60 } };
await client.decisions.createDecision(request);
client.close();
console.log(request.requestId);
