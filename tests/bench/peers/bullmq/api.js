// SPDX-License-Identifier: MIT
// The API half of the BullMQ peer: Fastify and mysql2 store the order, BullMQ announces it.
// Environment: DATABASE_URL, REDIS_URL, PORT (0, the default, picks a free one).
import { Queue } from 'bullmq';
import Fastify from 'fastify';
import { Redis } from 'ioredis';
import mysql from 'mysql2/promise';

const credentials = 'Basic ' + Buffer.from('demo:demo-secret').toString('base64');
const newOrder = {
  type: 'object',
  required: ['user_id', 'item_ids', 'total_amount'],
  properties: {
    user_id: { type: 'string', minLength: 1, maxLength: 64 },
    item_ids: { type: 'array', minItems: 1, items: { type: 'integer' } },
    total_amount: { type: 'number', minimum: 0 },
  },
};

const database = mysql.createPool({ uri: process.env.DATABASE_URL, connectionLimit: 32 });
await database.query(`CREATE TABLE IF NOT EXISTS orders (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  user_id VARCHAR(64) NOT NULL,
  item_ids JSON NOT NULL,
  total_amount DECIMAL(12,2) NOT NULL,
  status VARCHAR(16) NOT NULL,
  created_at DATETIME(3) NOT NULL DEFAULT NOW(3),
  processing_time DOUBLE,
  KEY (status))`);
const queue = new Queue('orders', {
  connection: new Redis(process.env.REDIS_URL),
  defaultJobOptions: { removeOnComplete: true },
});
const app = Fastify();

app.addHook('onRequest', async (request, reply) => {
  if (request.headers.authorization !== credentials) {
    return reply.code(401).send({ detail: 'Invalid credentials' });
  }
});

app.post('/order', { schema: { body: newOrder } }, async ({ body }) => {
  const [stored] = await database.execute(
    'INSERT INTO orders (user_id, item_ids, total_amount, status) VALUES (?, ?, ?, ?)',
    [body.user_id, JSON.stringify(body.item_ids), body.total_amount, 'Pending'],
  );
  await queue.add('process', { id: stored.insertId });
  return { order_id: `ORD${stored.insertId}`, order_status: 'Pending' };
});

app.get('/order/:id', async ({ params }, reply) => {
  const [rows] = await database.execute('SELECT status FROM orders WHERE id = ?', [
    params.id.slice(3),
  ]);
  if (rows.length === 0) return reply.code(404).send({ detail: 'Order not found' });
  return { order_id: params.id, order_status: rows[0].status };
});

app.get('/metrics', async () => {
  const [rows] = await database.query(`
    SELECT status, COUNT(*) AS orders, AVG(processing_time) AS seconds
    FROM orders GROUP BY status`);
  const of = Object.fromEntries(rows.map((row) => [row.status, row]));
  return {
    total_orders: rows.reduce((sum, row) => sum + row.orders, 0),
    average_processing_time: of.Completed?.seconds ?? 0,
    pending_orders: of.Pending?.orders ?? 0,
    processing_orders: of.Processing?.orders ?? 0,
    completed_orders: of.Completed?.orders ?? 0,
  };
});

await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 0) });
console.log(`msg=ready port=${app.server.address().port}`);
