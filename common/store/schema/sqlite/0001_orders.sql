-- Times are microseconds since the epoch, UTC.
CREATE TABLE orders (
    id           INTEGER PRIMARY KEY,
    client_id    TEXT    NOT NULL,
    user_id      TEXT    NOT NULL,
    item_ids     TEXT    NOT NULL, -- the JSON array as the client sent it
    total_cents  INTEGER NOT NULL,
    status       INTEGER NOT NULL, -- 0 Pending, 1 Processing, 2 Completed
    created_at   INTEGER NOT NULL,
    started_at   INTEGER,
    due_at       INTEGER NOT NULL, -- Pending: created_at; later: when Processing may end
    completed_at INTEGER
) STRICT;

-- Recovery reads the oldest Pending and the longest overdue; completed orders leave the index.
CREATE INDEX orders_open ON orders (status, due_at) WHERE completed_at IS NULL;

-- Sums over all slots are the metrics. A slot is written by few connections, so no row is hot.
CREATE TABLE counters (
    slot        INTEGER PRIMARY KEY,
    created     INTEGER NOT NULL,
    started     INTEGER NOT NULL,
    completed   INTEGER NOT NULL,
    duration_us INTEGER NOT NULL
) STRICT;
INSERT INTO counters VALUES (0, 0, 0, 0, 0);

-- The next order id nobody has reserved.
CREATE TABLE id_blocks (
    name    TEXT    PRIMARY KEY,
    next_id INTEGER NOT NULL
) STRICT;
INSERT INTO id_blocks VALUES ('orders', 1);

CREATE TABLE idempotency_keys (
    client_id       TEXT    NOT NULL,
    idempotency_key TEXT    NOT NULL,
    order_id        INTEGER NOT NULL,
    fingerprint     BLOB    NOT NULL, -- BLAKE2b-128 of the request body
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (client_id, idempotency_key)
) STRICT, WITHOUT ROWID;
