// SPDX-License-Identifier: MIT
// The worker half of the BullMQ peer: every job waits in memory while its order is in Processing.
// Environment: DATABASE_URL, REDIS_URL, CONCURRENCY (jobs at once, default 5000).
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';

const PROCESSING_MS = 2000;
const database = mysql.createPool({ uri: process.env.DATABASE_URL, connectionLimit: 32 });

async function processOrder(job) {
  await database.execute("UPDATE orders SET status = 'Processing' WHERE id = ?", [job.data.id]);
  await sleep(PROCESSING_MS);
  await database.execute(
    "UPDATE orders SET status = 'Completed', processing_time = ? WHERE id = ?",
    [(Date.now() - job.timestamp) / 1000, job.data.id],
  );
}

const worker = new Worker('orders', processOrder, {
  connection: new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null }),
  concurrency: Number(process.env.CONCURRENCY ?? 5000),
});
await worker.waitUntilReady();
console.log('msg=ready');
