-- All of a step is one transaction.
--
-- Texts have the collation "C": they are compared byte by byte to decide who may see what, and an
-- index over them survives an update of the system's collations.
--
-- Each move changes the status, which the two partial indexes name, so no move can be a heap-only
-- update, whatever room there is: it writes a new row and new index entries. In return these
-- indexes hold the open orders alone and stay small beside any number of completed ones. The
-- fillfactor leaves room on a page for the later versions of the orders on it, which are written
-- within seconds of each other, so one page is dirtied instead of three: over 150,000 orders in
-- batches of 250 that made a quarter less write-ahead log and a third less table than 100. What
-- they leave behind is two dead rows an order, hence an autovacuum that does not wait for a fifth
-- of a large table.
CREATE TABLE orders (
    id           bigint      PRIMARY KEY,
    total_cents  bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    started_at   timestamptz,
    due_at       timestamptz NOT NULL, -- Pending: created_at; later: when Processing may end
    completed_at timestamptz,
    status       smallint    NOT NULL, -- 0 Pending, 1 Processing, 2 Completed
    client_id    text COLLATE "C" NOT NULL CHECK (octet_length(client_id) <= 64),
    user_id      text COLLATE "C" NOT NULL CHECK (char_length(user_id) <= 64),
    item_ids     text COLLATE "C" NOT NULL -- the JSON array as the client sent it
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 10000);

-- Recovery reads the oldest Pending and the longest overdue.
CREATE INDEX orders_pending ON orders (due_at) WHERE status = 0;
CREATE INDEX orders_processing ON orders (due_at) WHERE status = 1;

-- Sums over all slots are the metrics. A slot is written by few connections, so no row is hot, and
-- is made by the first of them. Here updates are heap-only: there is room for many on each page.
CREATE TABLE counters (
    slot        int    PRIMARY KEY,
    created     bigint NOT NULL DEFAULT 0,
    started     bigint NOT NULL DEFAULT 0,
    completed   bigint NOT NULL DEFAULT 0,
    duration_us bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);

-- The next order id nobody has reserved.
CREATE TABLE id_blocks (
    name    text   PRIMARY KEY,
    next_id bigint NOT NULL
);
INSERT INTO id_blocks VALUES ('orders', 1);

CREATE TABLE idempotency_keys (
    client_id       text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    order_id        bigint           NOT NULL,
    fingerprint     bytea            NOT NULL, -- BLAKE2b-128 of the request body
    created_at      timestamptz      NOT NULL,
    PRIMARY KEY (client_id, idempotency_key)
);
