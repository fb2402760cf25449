// graphile-worker as a peer of bench/peers.py: node peer_graphile.mjs URL JOBS CONNECTIONS, in the folder of its package.
import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";

const { runOnce, makeWorkerUtils, Logger } = createRequire(process.cwd() + "/")("graphile-worker");
const [url, jobs, connections] = process.argv.slice(2);
const logger = new Logger(() => () => {});
const utils = await makeWorkerUtils({ connectionString: url, logger });
await utils.migrate();
await utils.withPgClient((client) =>
  client.query("SELECT graphile_worker.add_job('nothing', json_build_object('n', n)) FROM generate_series(1, $1::int) AS n", [jobs]),
);
await utils.release();
let done = 0;
let last = performance.now();
const began = performance.now();
await runOnce({
  connectionString: url,
  logger,
  concurrency: Number(connections),
  maxPoolSize: Number(connections),
  taskList: { nothing: async () => { done += 1; last = performance.now(); } },
});
console.log(JSON.stringify({ done, seconds: (last - began) / 1000 }));
