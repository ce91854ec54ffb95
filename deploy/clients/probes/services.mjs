// Prints the services of the Node client, each with its calls.
import { Client } from "decision-service-client";

const client = new Client("127.0.0.1:1", { plaintext: true });
const services = Object.entries(client).map(([name, calls]) => [name, Object.keys(calls)]);
console.log(JSON.stringify(Object.fromEntries(services)));
client.close();
